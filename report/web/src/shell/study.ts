/** The page of a study: what stays in sight, the navigation, and the view that is open. */

import { h } from "../dom";
import { drawn } from "../figure/queue";
import type { Open } from "../figure/types";
import { filterBar } from "../filter/bar";
import { linksOf } from "../kept/links";
import type { Link } from "../source";
import type { Store } from "../store";
import { steerButton } from "../views/steering";
import { VIEWS } from "../views";
import { liveAddresses, reportAddresses, START } from "./addresses";
import { bar } from "./bar";
import { restore } from "./entries";
import type { Me } from "./me";
import { navigation } from "./navigation";
import { type Arrival, router } from "./router";
import { stage } from "./stage";
import type { Context } from "./types";

/** `study` is the true name of a live one; null for a report. */
export function studyPage(store: Store, study: string | null, me: Me): { link: (link: Link) => void } {
  const here = () => location.href;
  const addresses = study !== null ? liveAddresses(study, here) : reportAddresses(here);
  const memory = new Map<string, object>();
  store.ready = drawn;

  const go: Context["go"] = (view, item, how) => routes.go(view, item, how);
  const open: Open = Object.assign((trial: number) => go("trials", String(trial)), {
    trial: (number: number) => addresses.to("trials", String(number)),
    figure: (key: string) => addresses.to("figures", key),
  });
  const context: Context = {
    store,
    study,
    addresses,
    links: study !== null ? linksOf(study) : null,
    go,
    open,
    me,
    remember: <T extends object>(key: string, first: () => T) => {
      if (!memory.has(key)) memory.set(key, first());
      return memory.get(key) as T;
    },
  };

  const views = VIEWS.filter((view) => study !== null || !view.live);
  const top = bar(store, study !== null, addresses.to(START), steerButton(context));
  const nav = navigation(views, addresses);
  const filter = filterBar(store);
  const shown = stage(views, context);
  const main = h("main", { id: "main", tabindex: -1 }, h("p", { class: "vacant loading" }, "Loading …"));
  const skip = h("a", { class: "skip", href: "#main" }, "Skip to the content");
  skip.addEventListener("click", (event) => {
    // The address says which view is open, and stays.
    event.preventDefault();
    shown.heading.focus();
  });
  document.body.className = "with-views";
  document.body.replaceChildren(
    skip,
    h("header", { class: "sticky" }, top.element, h("div", { class: "ways" }, nav.element, filter.element)),
    main,
    h("footer", {}, "Made by Kindling. Figures are drawn with Apache ECharts."),
  );

  let begun = false;
  function arrive({ mark, replaces }: Arrival): void {
    if (!store.data) return;
    // Whoever goes back, or by a link, finds what the address names.
    if (study !== null) store.choose();
    const held = replaces ? (document.activeElement?.closest("[data-key]")?.getAttribute("data-key") ?? null) : null;
    shown.show(routes.place, store.data!);
    nav.mark(routes.place.view);
    restore(mark ?? (held === null ? null : { top: 0, focus: held }));
    if (begun && !shown.element.contains(document.activeElement)) shown.heading.focus({ preventScroll: true });
    begun = true;
  }
  const routes = router(addresses, (_, arrival) => arrive(arrival));

  store.subscribe((data) => {
    top.update(data);
    nav.update(data);
    filter.update(data);
    if (begun) return shown.update(data);
    main.replaceChildren(shown.element);
    arrive(routes.first);
  });
  return { link: top.link };
}
