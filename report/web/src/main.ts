import { listPage } from "./page/list";
import { studyPage } from "./page/study";
import { embedded, follow } from "./source";
import { Store } from "./store";

type Mode = { mode: "list" } | { mode: "live"; study: string } | { mode: "report" };

async function start(): Promise<void> {
  const mode = JSON.parse(document.getElementById("kindling")?.textContent ?? '{"mode":"list"}') as Mode;
  if (mode.mode === "list") {
    listPage();
    return;
  }
  const store = new Store();
  if (mode.mode === "live") {
    const page = studyPage(store, mode.study);
    page.link("connecting");
    follow(mode.study, store, page.link);
    return;
  }
  // The page takes the place of the elements in which the document stands.
  const pieces = document.createDocumentFragment();
  pieces.append(...document.querySelectorAll("script[data-piece]"));
  studyPage(store, null);
  await embedded(store, pieces);
}

start().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  document.body.append(Object.assign(document.createElement("p"), { textContent: `This page cannot be shown: ${message}` }));
  throw error;
});
