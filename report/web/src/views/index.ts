/** All views of a study, in the order of the navigation. A new one is a file beside this, and a line here. */

import type { View } from "../shell/types";
import { activityView } from "./activity";
import { answerView } from "./answer";
import { figuresView } from "./figures";
import { layersView } from "./layers";
import { overviewView } from "./overview";
import { parametersView } from "./parameters";
import { trialsView } from "./trials";
import { workersView } from "./workers";

export const VIEWS: readonly View[] = [
  overviewView,
  answerView,
  figuresView,
  parametersView,
  trialsView,
  layersView,
  workersView,
  activityView,
];
