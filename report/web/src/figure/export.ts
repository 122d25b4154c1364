/** A figure as a file: drawn once more, light, on white, with its title. */

import { download } from "../download";
import { h } from "../dom";
import { echarts } from "../echarts";
import { fileName } from "../format";
import { theme } from "../theme";
import type { Drawing, FigureSpec, Option } from "./types";

type Sized = Drawing & { width: number; height: number };

const TITLE = 44;

export function exportButtons(
  spec: FigureSpec,
  title: () => string,
  draw: () => Sized | null,
  study: () => string,
): HTMLElement[] {
  const save = (format: "svg" | "png") => async () => {
    const drawing = draw();
    if (!drawing) return;
    const content = format === "svg" ? svg(title(), drawing) : await png(title(), drawing);
    download(`${fileName(study(), spec.key)}.${format}`, content);
  };
  return (["svg", "png"] as const).map((format) => {
    const label = `Download as ${format.toUpperCase()}`;
    return h(
      "button",
      {
        type: "button",
        class: "tool",
        "data-save": format,
        title: label,
        "aria-label": `${label}: ${spec.title}`,
        onclick: save(format),
      },
      format.toUpperCase(),
    );
  });
}

function svg(title: string, drawing: Sized): Blob {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: drawing.width, height: drawing.height + TITLE });
  chart.setOption(titled(title, drawing.option));
  const text = chart.renderToSVGString();
  chart.dispose();
  return new Blob([text], { type: "image/svg+xml" });
}

/** At twice the size, for print. */
async function png(title: string, drawing: Sized): Promise<Blob> {
  const canvas = document.createElement("canvas");
  const chart = echarts.init(canvas, null, {
    renderer: "canvas",
    devicePixelRatio: 2,
    width: drawing.width,
    height: drawing.height + TITLE,
  });
  chart.setOption(titled(title, drawing.option));
  const whole = chart.renderToCanvas({ pixelRatio: 2, backgroundColor: "#ffffff" });
  chart.dispose();
  return new Promise((resolve, reject) =>
    whole.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/png"),
  );
}

/** Makes room for the title, above all that is placed from the top. */
function titled(title: string, option: Option): Option {
  const lower = (component: unknown): unknown => {
    if (Array.isArray(component)) return component.map(lower);
    if (component === null || typeof component !== "object") return component;
    const top = (component as { top?: unknown }).top;
    return typeof top === "number" ? { ...component, top: top + TITLE } : component;
  };
  const moved: Option = { ...option };
  for (const name of ["grid", "legend", "visualMap", "parallel"]) {
    if (moved[name]) moved[name] = lower(moved[name]);
  }
  const light = theme("light");
  return {
    ...moved,
    backgroundColor: light.surface,
    // All at once: a file does not fill up step by step.
    progressive: 0,
    title: [
      ...([moved["title"] ?? []].flat() as object[]).map(lower),
      { text: title, left: 16, top: 14, textStyle: { fontSize: 16, fontWeight: 600, color: light.text } },
    ],
  };
}
