/** What is measured in a layer, and how it is shown. */

import type { Layer } from "../document";
import { number, percent } from "../format";

export interface Measure {
  key: string;
  title: string;
  hint: string;
  axis: string;
  of: (layer: Layer) => number | null;
  text: (layer: Layer) => string;
  kind: "plain" | "share" | "log";
  /** Whether bars show one standard deviation each way. */
  bars?: boolean;
}

export const MEASURES: Measure[] = [
  {
    key: "activations",
    title: "Activations: mean and spread",
    hint: "Marks are means, bars one standard deviation each way: where the outputs of a layer lie.",
    axis: "activation",
    of: (l) => l.mean,
    text: (l) => `${number(l.mean, 3)} ± ${number(l.std, 3)}`,
    kind: "plain",
    bars: true,
  },
  {
    key: "spread",
    title: "Spread of activations",
    hint: "The standard deviation of a layer's outputs, on a log scale: a line that falls from layer to layer is a signal that fades, one that climbs a signal that blows up; 0, at the lower edge, is none at all.",
    axis: "standard deviation",
    of: (l) => l.std,
    text: (l) => number(l.std, 3),
    kind: "log",
  },
  {
    key: "saturated-or-dead",
    title: "Saturated or dead",
    hint: "Sigmoid layers: the share of outputs below 0.05 or above 0.95; ReLU layers: the share of neurons that are always 0. Such neurons hardly learn.",
    axis: "share",
    of: (l) => l.saturated ?? l.dead,
    text: (l) => `${percent(l.saturated ?? l.dead, 1)} ${l.saturated === null ? "dead" : "saturated"}`,
    kind: "share",
  },
  {
    key: "gradients",
    title: "Gradient norm",
    hint: "How strongly the loss pulls at a layer's weights, on a log scale: far below the other layers, it hardly learns; 0, at the lower edge, not at all.",
    axis: "gradient's 2-norm",
    of: (l) => l.gradient,
    text: (l) => number(l.gradient, 3),
    kind: "log",
  },
  {
    key: "equal-neurons",
    title: "Equal neurons",
    hint: "The share of a layer's neurons whose weights are the same as another's: at 100 %, the layer is no more than one neuron.",
    axis: "share",
    of: (l) => l.equal,
    text: (l) => percent(l.equal, 1),
    kind: "share",
  },
];
