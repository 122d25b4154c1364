/** Points of a chart by keyboard: arrows go from point to point, with its tooltip, and Enter opens its trial. */

import type { Chart, Pointed } from "./figure";
import { pointable } from "./model";

export function explore(plot: HTMLElement, chartOf: () => Chart | null, open: (trial: number) => void): void {
  let at = 0;
  let point = -1;
  plot.setAttribute("aria-roledescription", "chart; arrow keys go through its points");
  plot.addEventListener("keydown", (event) => {
    const chart = chartOf();
    const series = chart ? pointable(chart) : [];
    if (!chart || series.length === 0) return;
    at = Math.min(at, series.length - 1);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const turn = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) point += step;
    else if (turn) at = (at + turn + series.length) % series.length;
    else if (event.key === "Enter") {
      const trial = (series[at]!.item(point) as Pointed | undefined)?.trial;
      if (typeof trial === "number") open(trial);
      return;
    } else {
      if (event.key === "Escape") chart.dispatchAction({ type: "hideTip" });
      return;
    }
    event.preventDefault();
    point = Math.min(series[at]!.count - 1, Math.max(0, point));
    const here = { seriesIndex: series[at]!.index, dataIndex: point };
    chart.dispatchAction({ type: "downplay" });
    chart.dispatchAction({ type: "highlight", ...here });
    chart.dispatchAction({ type: "showTip", ...here });
  });
  plot.addEventListener("blur", () => chartOf()?.dispatchAction({ type: "hideTip" }));
}
