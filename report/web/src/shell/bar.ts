/** What stays in sight in every view: the study's name, its state and progress, the connection, the chosen metric, a way to steer. */

import { h, setText } from "../dom";
import { count, percent } from "../format";
import { metricPicker } from "../figures/metric";
import { brand, themeButton } from "../page/banner";
import { stateOf } from "../page/failures";
import { PARTS } from "../page/overview";
import type { Link } from "../source";
import type { Store } from "../store";
import type { Part } from "./types";

export function bar(store: Store, live: boolean, start: string, steer: Part | null): Part & { link: (link: Link) => void } {
  const name = h("a", { href: start }, "…");
  const state = h("span", { class: "chip" });
  const link = h("span", { class: "chip link", role: "status", hidden: !live });
  const strip = h("span", { class: "bar small", role: "progressbar", "aria-label": "Finished trials", "aria-valuemin": 0 });
  const done = h("span", { class: "done" });
  const metric = metricPicker(store);
  const pickers = h("span", { class: "pickers" }, metric.element);
  let over = false;
  let [connection, loaded]: [Link, number | null] = ["connecting", null];
  const show = () => {
    // Whoever served it has nothing more to say.
    const ended = connection === "lost" && over;
    const loading = connection !== "lost" && loaded !== null;
    link.hidden = !live && !loading;
    link.dataset["link"] = ended ? "ended" : loading ? "loading" : connection;
    const lost = ended ? "not served any more" : "connection lost";
    link.title = connection !== "lost" ? "" : ended ? "This is how it ended" : "It is tried again and again";
    setText(link, loading ? `loading, ${percent(loaded)}` : { connecting: "connecting …", live: "live", lost }[connection]);
  };
  return {
    element: h(
      "div",
      { class: "bar-line" },
      brand(live),
      h("h1", {}, name),
      h("span", { class: "states" }, state, link),
      h("span", { class: "strip" }, strip, done),
      h("span", { class: "spring" }),
      pickers,
      steer?.element,
      themeButton(),
    ),
    update: (data) => {
      const { study } = data;
      steer?.update(data);
      const { total: coming, trials } = data.document;
      loaded = coming === undefined ? null : trials.length / coming;
      show();
      setText(name, study.name);
      name.title = study.name;
      const { text, look } = stateOf(study);
      setText(state, text);
      state.dataset["state"] = look;
      over = study.state === "FINISHED";
      const total = study.budget + study.confirmations;
      const ended = study.counts.complete + study.counts.pruned + study.counts.fail;
      const share = (n: number) => `width: ${(100 * n) / Math.max(total, 1)}%`;
      strip.replaceChildren(...PARTS.map((part) => h("span", { class: part.class, style: share(study.counts[part.key]) })));
      strip.setAttribute("aria-valuemax", String(total));
      strip.setAttribute("aria-valuenow", String(Math.min(ended, total)));
      setText(done, study.external ? `${count(ended)} done` : `${count(ended)} of ${count(total)}`);
      done.title = percent(ended / Math.max(total, 1));
      metric.update(data);
    },
    link: (now) => {
      connection = now;
      show();
    },
  };
}
