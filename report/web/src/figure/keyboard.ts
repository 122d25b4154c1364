/** Points of a chart by keyboard: arrows go from point to point, with its tooltip, and Enter opens its trial. */

import type { Chart, Open, Pointed } from "./types";
import { pointable } from "./model";

export function explore(plot: HTMLElement, chartOf: () => Chart | null, open: Open): void {
  /** Which series, and which of its points. */
  let at = 0;
  let place = -1;
  plot.setAttribute("aria-roledescription", "chart; arrow keys go through its points");
  plot.addEventListener("keydown", (event) => {
    const chart = chartOf();
    if (!chart) return;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key] ?? 0;
    const turn = { ArrowDown: 1, ArrowUp: -1 }[event.key] ?? 0;
    if (event.key === "Escape") chart.dispatchAction({ type: "hideTip" });
    if (step === 0 && turn === 0 && event.key !== "Enter") return;
    const all = pointable(chart);
    if (all.length === 0) return;
    at = (Math.min(at, all.length - 1) + turn + all.length) % all.length;
    const { series, drawn, item } = all[at]!;
    place = Math.min(drawn.length - 1, Math.max(0, place + step));
    const index = drawn[place]!;
    if (event.key === "Enter") {
      const { trial, study } = (item(index) as Pointed | undefined) ?? {};
      if (typeof trial === "number") open(trial, study);
      return;
    }
    event.preventDefault();
    const here = { seriesIndex: series, dataIndex: index };
    chart.dispatchAction({ type: "downplay" });
    chart.dispatchAction({ type: "highlight", ...here });
    chart.dispatchAction({ type: "showTip", ...here });
  });
  plot.addEventListener("blur", () => chartOf()?.dispatchAction({ type: "hideTip" }));
}
