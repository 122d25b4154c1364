/** What happens in the layers of networks. */

import { h } from "../dom";
import { layersSection } from "../layers/section";
import { hasDiagnosis } from "../layers/selection";
import type { View } from "../shell/types";

export const layersView: View = {
  id: "layers",
  title: "Layers",
  shown: hasDiagnosis,
  make: ({ store, open }) => {
    const { content, figures } = layersSection(store, open);
    return {
      element: h("div", {}, ...content),
      update: () => figures.forEach((figure) => figure.update()),
      close: () => figures.forEach((figure) => figure.close()),
    };
  },
};
