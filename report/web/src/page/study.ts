/** The page of a study: head, navigation, sections, and the dialog that opens over them. */

import type { Data } from "../data";
import { h } from "../dom";
import { drawn } from "../figure/queue";
import { metricPicker } from "../figures/metric";
import { linksOf } from "../kept/links";
import type { Link } from "../source";
import { still } from "../theme";
import type { Store } from "../store";
import { banner } from "./banner";
import { head, type Part } from "./overview";
import { type Section, sectionsOf } from "./sections";
import { trialDialog } from "./trial";

/** `study` is the true name of a live one; null for a report. */
export function studyPage(store: Store, study: string | null): { link: (link: Link) => void } {
  const live = study !== null;
  const addresses = live ? linksOf(study) : null;
  store.ready = drawn;
  const dialog = trialDialog(store, addresses);
  const title = head(live);
  const links = h("ul");
  const nav = h("nav", { "aria-label": "Parts of this page" }, links);
  const main = h("main", { id: "main", tabindex: -1 }, h("p", { class: "vacant loading" }, "Loading …"));
  document.body.replaceChildren(
    h("a", { class: "skip", href: "#main" }, "Skip to the content"),
    h("header", { class: "top" }, banner(live), title.element),
    nav,
    main,
    h("footer", {}, "Made by Kindling. Figures are drawn with Apache ECharts."),
    dialog.element,
  );

  const sections = sectionsOf(store, dialog.open, addresses).map((section): Placed => ({
    ...section,
    part: null,
    link: h("li", { hidden: true }, h("a", { href: `#${section.id}` }, section.title)),
    element: h("section", { id: section.id, "aria-labelledby": `${section.id}-title`, hidden: true }),
  }));

  store.subscribe((data) => {
    title.update(data);
    if (links.childElementCount === 0) {
      links.append(...sections.map((s) => s.link));
      // Beside the links, so that the chosen objective is always in sight.
      const picker = metricPicker(store);
      nav.append(...picker);
      if (picker.length > 0) nav.classList.add("with-metric");
      main.replaceChildren(...sections.map((s) => s.element));
      follow(sections);
    }
    for (const section of sections) update(section, data);
  });
  return { link: title.link };
}

interface Placed extends Section {
  part: Part | null;
  link: HTMLElement;
  element: HTMLElement;
}

function update(section: Placed, data: Data): void {
  // What has been shown stays: nothing vanishes under the reader's eyes.
  if (!section.part) {
    if (!section.shown(data)) return;
    section.part = section.make();
    section.link.hidden = section.element.hidden = false;
    const hint = section.hint ? h("p", { class: "hint section-hint" }, section.hint) : "";
    section.element.append(h("h2", { id: `${section.id}-title` }, section.title), hint, section.part.element);
  }
  section.part.update(data);
}

/** Marks the link of the section that is being read, and brings it into sight in a narrow navigation. */
function follow(sections: Placed[]): void {
  const seen = new Set<Element>();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) seen.add(entry.target);
        else seen.delete(entry.target);
      }
      const current = sections.find((s) => seen.has(s.element));
      for (const { link } of sections) {
        const a = link.firstElementChild!;
        if (link === current?.link) a.setAttribute("aria-current", "true");
        else a.removeAttribute("aria-current");
      }
      const list = current?.link.parentElement;
      if (current && list)
        list.scrollTo({ left: current.link.offsetLeft - list.clientWidth / 3, behavior: still.matches ? "auto" : "smooth" });
    },
    { rootMargin: "-20% 0px -70% 0px" },
  );
  for (const { element } of sections) observer.observe(element);
}
