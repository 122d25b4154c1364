/** Whose page it is, the way back to all studies, and the switch between light and dark. */

import { h } from "../dom";
import { onThemeChange, theme, toggleTheme } from "../theme";

/** The line above pages that are no study's. */
export function banner(back: boolean): HTMLElement {
  return h("div", { class: "banner" }, brand(back), h("span", { class: "spring" }), themeButton());
}

/** The name, which leads to the list of studies where there is one. */
export function brand(back: boolean): HTMLElement {
  const name = h("span", { class: "brand" }, flame(), h("span", { class: "brand-name" }, "Kindling"));
  return back ? h("a", { href: "/", class: "brand-link", "aria-label": "Kindling, all studies", title: "All studies" }, name) : name;
}

export function themeButton(): HTMLElement {
  const sign = h("span", { "aria-hidden": "true" });
  const word = h("span", { class: "theme-name" });
  const toggle = h("button", { type: "button", class: "tool theme", onclick: toggleTheme }, sign, word);
  const show = () => {
    const next = theme().dark ? "Light" : "Dark";
    sign.textContent = theme().dark ? "☀" : "☾";
    word.textContent = ` ${next}`;
    toggle.setAttribute("aria-label", `${next} colours`);
  };
  show();
  onThemeChange(show);
  return toggle;
}

function flame(): SVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  for (const [name, value] of [
    ["viewBox", "0 0 24 24"],
    ["aria-hidden", "true"],
    ["class", "flame"],
  ])
    svg.setAttribute(name!, value!);
  for (const [name, d] of [
    [
      "outer",
      "M12.6 1.5c.5 3.6 2.4 5.3 4.1 7.3 1.5 1.8 2.8 3.6 2.8 6.4a7.5 7.5 0 0 1-15 0c0-3 1.500-5 3-6.800.3 1.700.9 2.700 1.900 3.300C9.200 8 10.100 4.200 12.600 1.500z",
    ],
    ["inner", "M12.200 12c.3 1.900 3 2.900 3 5.600a3.200 3.200 0 0 1-6.400 0c0-2.200 2.400-3.200 3.400-5.600z"],
  ]) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", d!);
    path.setAttribute("class", name!);
    svg.append(path);
  }
  return svg;
}
