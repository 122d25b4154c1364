/** The reasons: what happens in the layers of the trials that are compared. */

import type { Data } from "../data";
import { h, select } from "../dom";
import { Figure } from "../figure/figure";
import type { Open } from "../figure/types";
import type { Store } from "../store";
import { histograms } from "./histograms";
import { MEASURES } from "./measure-list";
import { measureFigure } from "./measures";
import { ridges } from "./ridges";
import { compared, type Compared, configuration, MOST, type Selection } from "./selection";

const CHOSEN = "\u0000chosen";

export function layersSection(store: Store, open: Open): { content: HTMLElement[]; figures: Figure[] } {
  const data = store.data!;
  let selection: Selection = data.categorical[0]
    ? { by: data.categorical[0].name }
    : { trials: data.ranked.slice(0, 6).map((t) => t.number) };
  const selected = (): Compared[] => (store.data ? compared(store.data, selection) : []);

  const detail = h("select", { onchange: () => single.restart() });
  const single = new Figure(
    {
      ...histograms(
        "layers-histograms",
        () => selected().find((s) => String(s.trial.number) === detail.value)?.trial ?? selected()[0]?.trial ?? null,
      ),
      controls: () => [h("label", { class: "pick" }, h("span", {}, "Trial"), detail)],
    },
    store,
    open,
  );
  const figures = [
    new Figure(ridges(selected), store, open),
    ...MEASURES.map((m) => new Figure(measureFigure(m, selected), store, open)),
    single,
  ];

  const input = h("input", {
    type: "text",
    inputmode: "numeric",
    id: "layer-trials",
    placeholder: "12, 40, 71",
    autocomplete: "off",
    size: 16,
  });
  const own = h(
    "label",
    { class: "pick", for: "layer-trials", hidden: "trials" in selection ? null : true },
    h("span", {}, "Trials"),
    input,
  );
  const options = [
    ...data.categorical.map((p) => ({ value: p.name, text: `each choice of ${p.name}` })),
    { value: CHOSEN, text: "trials of your choice" },
  ];
  const picker = select("Compare", options, "by" in selection ? selection.by : CHOSEN, (value) => {
    own.hidden = value !== CHOSEN;
    if (value === CHOSEN)
      input.value = selected()
        .slice(0, MOST)
        .map((s) => s.trial.number)
        .join(", ");
    selection = value === CHOSEN ? { trials: numbers(input.value) } : { by: value };
    redraw();
  });
  input.addEventListener("change", () => {
    selection = { trials: numbers(input.value) };
    redraw();
  });

  function redraw(): void {
    fill();
    for (const figure of figures) figure.restart();
  }

  function fill(): void {
    const before = detail.value;
    detail.replaceChildren(...selected().map((s) => h("option", { value: s.trial.number }, describe(s, store.data!))));
    if ([...detail.options].some((o) => o.value === before)) detail.value = before;
  }

  fill();
  const intro = h(
    "p",
    { class: "hint" },
    "Measured in the networks themselves, on a sample of inputs. For each choice stands the best trial that has it, preferably one that otherwise is like the study’s best, so that only this choice differs.",
  );
  return {
    content: [
      intro,
      h("div", { class: "tools section-tools" }, picker, own),
      h("div", { class: "figures" }, ...figures.map((f) => f.element)),
    ],
    figures,
  };
}

function describe({ trial }: Compared, data: Data): string {
  return configuration(data, trial);
}

function numbers(text: string): number[] {
  return [...text.matchAll(/\d+/g)].map((m) => Number(m[0]));
}
