/** What happens in the layers of networks. */

import { diagnosisOf } from "../document";
import { h } from "../dom";
import { layersSection } from "../layers/section";
import type { View } from "../shell/types";

export const layersView: View = {
  id: "layers",
  title: "Layers",
  shown: (data) => data.trials.some((trial) => diagnosisOf(trial) !== null),
  make: ({ store, open }) => {
    const { content, figures } = layersSection(store, open);
    return {
      element: h("div", {}, ...content),
      update: () => figures.forEach((figure) => figure.update()),
      close: () => figures.forEach((figure) => figure.close()),
    };
  },
};
