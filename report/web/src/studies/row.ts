/** A study's line in the list. */

import { h } from "../dom";
import { count, duration, number, percent, plural, time } from "../format";
import { stateOf } from "../page/failures";
import { PARTS } from "../page/overview";
import { studyAddress } from "../shell/addresses";
import { valueOf } from "../values";
import { type Line, took } from "./lines";

export function row(line: Line, chosen: boolean, choose: (chosen: boolean) => void): HTMLElement {
  const box = h("input", { type: "checkbox", "aria-label": `Choose ${line.shown}`, "data-key": `choose ${line.name}` });
  box.checked = chosen;
  box.addEventListener("change", () => choose(box.checked));
  const cell = (name: string, attributes: object, ...children: Parameters<typeof h>[2][]) =>
    h("td", { role: "cell", "data-column": name, ...attributes }, ...children);
  return h(
    "tr",
    { role: "row", class: line.archived ? "is-archived" : "" },
    cell("choose", {}, h("label", { class: "box" }, box)),
    h("th", { role: "rowheader", scope: "row" }, h("a", { href: studyAddress(line.name), "data-key": line.name }, line.shown), ...labels(line)),
    cell("state", {}, ...state(line)),
    cell("progress", {}, ...progress(line)),
    cell("best", { class: "num" }, best(line)),
    cell("created", {}, line.created === null ? "–" : h("time", { datetime: new Date(line.created).toISOString(), title: time(line.created) }, time(line.created).slice(0, 16))),
    cell("took", { class: "num" }, duration(took(line)), left(line)),
  );
}

function labels(line: Line): HTMLElement[] {
  const tags = line.tags.map((tag) => h("span", { class: "tag" }, tag));
  return [
    ...(line.archived ? [h("span", { class: "tag archived" }, "archived")] : []),
    ...(line.external ? [h("span", { class: "tag", title: "Driven by Optuna's clients" }, "Optuna")] : []),
    ...tags,
  ];
}

function state(line: Line): HTMLElement[] {
  const { text, look } = stateOf(line);
  const failed = line.counts.fail;
  return [
    h("span", { class: "chip", "data-state": look }, text),
    ...(failed > 0
      ? [h("small", { class: "failed", title: line.failure ?? "" }, `${plural(failed, "trial")} failed${line.failure ? `: ${line.failure}` : ""}`)]
      : []),
  ];
}

function progress(line: Line): HTMLElement[] {
  const share = (n: number) => `width: ${(100 * n) / Math.max(1, line.total)}%`;
  const running = line.counts.running > 0 ? `, ${count(line.counts.running)} running` : "";
  const of = line.external ? count(line.done) : `${count(line.done)} of ${count(line.total)}`;
  return [
    h(
      "div",
      { class: "bar small", title: percent(line.done / Math.max(1, line.total)), "aria-hidden": "true" },
      ...PARTS.map((part) => h("span", { class: part.class, style: share(line.counts[part.key]) })),
    ),
    h("small", {}, of + running),
  ];
}

function best(line: Line): string {
  if (line.directions.length === 1) return number(valueOf({ values: line.best_values }), 5);
  return line.front_size === 0 ? "–" : `front of ${count(line.front_size)}`;
}

function left(line: Line): HTMLElement | null {
  if (line.state !== "ACTIVE" || line.seconds_left === null) return null;
  return h("small", {}, `${duration(line.seconds_left)} left`);
}
