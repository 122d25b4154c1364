/** Failed trials over the study, by reason. */

import { h } from "../dom";
import { plural } from "../format";
import { grid, plainAxis } from "../figure/axis";
import { legend } from "../figure/legend";
import { itemTooltip, tip } from "../figure/tooltip";
import type { Context, Drawing, FigureSpec } from "../figure/types";
import { type Reason, reasonsOf } from "./reasons";

/** So many reasons have a colour of their own. */
const COLOURED = 7;
/** Ranges of trials, at most. */
const RANGES = 40;

export const failures: FigureSpec = {
  key: "failures",
  title: "Failed trials by reason",
  hint: "How many trials failed, in the order of their numbers. Reasons that differ only in numbers are one.",
  wide: true,
  zoom: "xy",
  height: 280,
  empty: "No trial has failed.",
  draw,
  table: (data) =>
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Reason"), h("th", { scope: "col", class: "num" }, "Trials"))),
      h(
        "tbody",
        {},
        ...reasonsOf(data).map(({ text, trials }) => h("tr", {}, h("th", { scope: "row" }, short(text, 200)), h("td", { class: "num" }, trials.length))),
      ),
    ),
};

export function short(text: string, most: number): string {
  const chars = [...text];
  if (text === "") return "no reason told";
  return chars.length > most ? `${chars.slice(0, most - 1).join("")}…` : text;
}

interface Item {
  value: number;
  reason: string;
  range: string;
}

function draw({ data, theme, width }: Context): Drawing | null {
  const reasons = reasonsOf(data);
  if (reasons.length === 0) return null;
  const end = (data.document.trials.at(-1)?.number ?? 0) + 1;
  const size = Math.ceil(end / RANGES);
  const n = Math.ceil(end / size);
  const range = (i: number) => (size === 1 ? String(i) : `${i * size}–${Math.min(end, (i + 1) * size) - 1}`);
  const names = reasons.slice(0, COLOURED).map(({ text }, i) => `${i + 1}. ${short(text, width < 500 ? 28 : 56)}`);
  const groups: { name: string; of: Reason[] }[] = reasons.slice(0, COLOURED).map((r, i) => ({ name: names[i]!, of: [r] }));
  if (reasons.length > COLOURED) groups.push({ name: `${reasons.length - COLOURED} other reasons`, of: reasons.slice(COLOURED) });
  const key = legend(
    theme,
    groups.map((g) => g.name),
    width,
  );
  const failed = reasons.reduce((sum, r) => sum + r.trials.length, 0);
  return {
    option: {
      grid: grid({ top: key.height + 24 }),
      legend: key.legend,
      tooltip: itemTooltip(theme, (item: Item) => tip(`Trials ${item.range}`, [[item.reason, plural(item.value, "trial")]])),
      xAxis: {
        ...plainAxis("x", "trial", theme),
        type: "category",
        data: Array.from({ length: n }, (_, i) => range(i)),
        splitLine: { show: false },
        axisTick: { show: false },
        axisLabel: { color: theme.muted, fontSize: 11, hideOverlap: true },
      },
      yAxis: { ...plainAxis("y", "failed trials", theme), scale: false, min: 0, minInterval: 1 },
      series: groups.map((group, i) => ({
        type: "bar",
        name: group.name,
        stack: "failed",
        barCategoryGap: "12%",
        data: counted(group.of, size, n).map((value, at): Item => ({ value, reason: group.name, range: range(at) })),
        itemStyle: { color: theme.categories[i % theme.categories.length]!, borderColor: theme.surface, borderWidth: 1 },
      })),
    },
    label: `${plural(failed, "trial")} failed for ${plural(reasons.length, "reason")}, most of them: ${short(reasons[0]!.text, 100)}. The table lists them.`,
  };
}

function counted(reasons: Reason[], size: number, n: number): number[] {
  const counts = new Array<number>(n).fill(0);
  for (const { trials } of reasons) for (const { number } of trials) counts[Math.floor(number / size)]! += 1;
  return counts;
}
