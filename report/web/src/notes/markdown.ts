/**
 * Markdown as a tree of what a note may show. Only what is made here from a known kind of token is ever an element: HTML in a note is
 * text, links lead to the web or to mail, and nothing is loaded from elsewhere.
 */

import MarkdownIt, { type Token } from "markdown-it";

/** A text, or an element. A link's address has been looked at. */
export type Shown = string | { tag: keyof HTMLElementTagNameMap; href?: string; start?: number; inside: Shown[] };

type Element = Exclude<Shown, string>;

/** What a token's own tag may be. Headings are below that of the page. */
const TAGS: Readonly<Record<string, Element["tag"]>> = {
  h3: "h3", h4: "h4", h5: "h5", h6: "h6",
  p: "p", blockquote: "blockquote", ul: "ul", ol: "ol", li: "li", strong: "strong", em: "em", s: "del",
  table: "table", thead: "thead", tbody: "tbody", tr: "tr", th: "th", td: "td",
};

/** The schemes that a link may have. */
const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/** So deep what is within each other is shown; what is deeper is left out. */
const DEPTH = 30;

const reader = new MarkdownIt("default", { html: false, linkify: true, maxNesting: DEPTH });
// Whole addresses become links, not each word with a dot in it, as file names have.
reader.linkify.set({ fuzzyLink: false, fuzzyEmail: false });

export function parse(text: string): Shown[] {
  const all = shown(raised(reader.parse(text, {})));
  tick(all);
  return all;
}

/** Whatever level a note begins with, its largest heading comes next after the page's. */
function raised(tokens: Token[]): Token[] {
  const headings = tokens.filter((token) => token.type === "heading_open" || token.type === "heading_close");
  const largest = headings.reduce((least, token) => Math.min(least, levelOf(token)), 6);
  for (const token of headings) token.tag = `h${Math.min(6, 3 + levelOf(token) - largest)}`;
  return tokens;
}

function levelOf(token: Token): number {
  return Number(token.tag.slice(1));
}

/** "[ ]" and "[x]" at the beginning of an item are boxes, for lists of what is to be done. */
function tick(all: readonly Shown[]): void {
  for (const part of all) {
    if (typeof part === "string") continue;
    const first = part.inside[0];
    const holder = typeof first === "object" && first.tag === "p" ? first : part;
    const words = holder.inside[0];
    if (part.tag === "li" && typeof words === "string")
      holder.inside[0] = words.replace(/^\[[ xX]\](?= )/, (box) => (box === "[ ]" ? "☐" : "☑"));
    tick(part.inside);
  }
}

/** The address as a link may have it; null if it leads elsewhere than to the web or to mail, or is not whole. */
export function safe(address: string): string | null {
  let url: URL;
  try {
    // Without a base: what lies within this page's site could look like a part of the page.
    url = new URL(address);
  } catch {
    return null;
  }
  return SCHEMES.has(url.protocol) && url.username === "" && url.password === "" ? url.href : null;
}

/** Tokens come one after another; those that open and close make the tree. */
function shown(tokens: readonly Token[]): Shown[] {
  const root: Shown[] = [];
  const open: Shown[][] = [root];
  for (const token of tokens) {
    const here = open[open.length - 1]!;
    if (token.nesting < 0) {
      if (open.length > 1) open.pop();
    } else if (token.nesting > 0) {
      open.push(opened(token, here));
    } else {
      here.push(...single(token));
    }
  }
  return root;
}

/** Where what follows belongs: in a new element, or here if it is in nothing that is shown. */
function opened(token: Token, here: Shown[]): Shown[] {
  // In a tight list the text stands in the item itself.
  if (token.hidden) return here;
  const element: Element | null = token.type === "link_open" ? link(token.attrGet("href")) : block(token);
  if (!element) return here;
  here.push(element);
  return element.inside;
}

function block(token: Token): Element | null {
  const tag = Object.hasOwn(TAGS, token.tag) ? TAGS[token.tag]! : null;
  if (tag === null) return null;
  const start = Number(token.attrGet("start") ?? 1);
  return tag === "ol" && start !== 1 ? { tag, start, inside: [] } : { tag, inside: [] };
}

function link(address: string | number | null): Element | null {
  const href = safe(String(address ?? ""));
  return href === null ? null : { tag: "a", href, inside: [] };
}

function single(token: Token): Shown[] {
  switch (token.type) {
    case "inline":
      return shown(token.children ?? []);
    case "softbreak":
      return ["\n"];
    case "hardbreak":
      return [{ tag: "br", inside: [] }];
    case "hr":
      return [{ tag: "hr", inside: [] }];
    case "code_inline":
      return [{ tag: "code", inside: [token.content] }];
    case "fence":
    case "code_block":
      return [{ tag: "pre", inside: [{ tag: "code", inside: [token.content] }] }];
    case "image": {
      // Loading it would tell its server who reads the note. It is a link, to follow or not.
      const address = String(token.attrGet("src") ?? "");
      const words = token.content || address;
      const to = link(address);
      return to ? [{ ...to, inside: [words] }] : [words];
    }
    // Text, and whatever else there may be one day.
    default:
      return token.content === "" ? [] : [token.content];
  }
}
