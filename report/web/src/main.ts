import { comparePage } from "./compare/page";
import { missingPage } from "./page/missing";
import { newPage } from "./page/new";
import { READER, whoAmI } from "./shell/me";
import { studyPage } from "./shell/study";
import { embedded, follow } from "./source";
import { Store } from "./store";
import { listPage } from "./studies/page";
import { breath } from "./turns";

type Mode =
  | { mode: "list" }
  | { mode: "compare" }
  | { mode: "new" }
  | { mode: "live"; study: string }
  | { mode: "missing"; said: string }
  | { mode: "report" };

async function start(): Promise<void> {
  const mode = JSON.parse(document.getElementById("kindling")?.textContent ?? '{"mode":"list"}') as Mode;
  switch (mode.mode) {
    case "list":
      return listPage(await whoAmI());
    case "compare":
      return comparePage();
    case "new":
      return newPage(await whoAmI());
    case "missing":
      return missingPage(mode.said);
    case "live": {
      const store = new Store();
      const page = studyPage(store, mode.study, await whoAmI());
      page.link("connecting");
      return follow(mode.study, store, page.link);
    }
    case "report": {
      const store = new Store();
      // The page takes the place of the elements in which the document stands.
      const pieces = document.createDocumentFragment();
      pieces.append(...document.querySelectorAll("script[data-piece]"));
      studyPage(store, null, READER);
      return embedded(store, pieces);
    }
    default:
      return missingPage("no page has this address");
  }
}

// In a task of its own. That is shorter than by its own time, too: for each request the browser notes which line of which function made it, and
// would read the whole program once more for that if it were still running its outermost function.
breath().then(start).catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  document.body.append(Object.assign(document.createElement("p"), { textContent: `This page cannot be shown: ${message}` }));
  throw error;
});
