/** What a view of a study is, and what it is given. */

import type { Data } from "../data";
import type { Open } from "../figure/types";
import type { Links } from "../kept/links";
import type { Store } from "../store";
import type { Addresses } from "./addresses";
import type { Me } from "./me";

/** Something on the page that follows the data. */
export interface Part {
  element: HTMLElement;
  update(data: Data): void;
  /** It is not needed any more. */
  close?(): void;
}

/** How to go: in the place of the address that is open, or with these parts of the query (null: without). */
export interface Going {
  replace?: boolean;
  query?: Record<string, string | null>;
}

export interface Context {
  store: Store;
  /** The true name of a live study; null in a report. */
  study: string | null;
  /** The addresses of views. */
  addresses: Addresses;
  /** Where files and output are; null in a report, which has no server. */
  links: Links | null;
  /** Opens a view, or one item of it: `go("trials", "12")`. */
  go(view: string, item?: string | null, how?: Going): void;
  /** Opens a trial, and knows the addresses of trials and figures. */
  open: Open;
  /** Who looks, and whether they may change anything. */
  me: Me;
  /** What a view knows of itself, such as how a table is sorted: the same object until the page is left. */
  remember<T extends object>(key: string, first: () => T): T;
}

/** The view that opens at `/studies/NAME/ID`. Only the view that is open exists. */
export interface View {
  id: string;
  title: string;
  /** How to read it, below its title. */
  hint?: string;
  /** Only where somebody serves the study: a report has no such view. */
  live?: boolean;
  /** Whether there is anything to show. */
  shown(data: Data): boolean;
  make(context: Context): Part;
  /** What opens at `/studies/NAME/ID/ITEM`. */
  item?: ItemView;
}

export interface ItemView {
  title(item: string, data: Data, context: Context): string;
  known(item: string, data: Data, context: Context): boolean;
  /** Beside the title. */
  tools?(item: string, context: Context): Part;
  make(item: string, context: Context): Part;
  /** Said if there is no such item. */
  missing(item: string): string;
}
