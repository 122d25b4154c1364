// Bundles src/ into dist/, which is committed so that Cargo needs no Node, and gathers the licences of what is in it.

import { build } from "esbuild";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const result = await build({
  entryPoints: [
    { in: "src/main.ts", out: "app" },
    { in: "src/style/main.css", out: "app" },
  ],
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022"],
  outdir: "dist",
  metafile: true,
  legalComments: "none",
  banner: { js: "/* Kindling. Licences of what is bundled: NOTICE.txt */" },
  define: { "process.env.NODE_ENV": '"production"' },
});

/** The packages whose code is in the bundle, by name. */
const packages = new Set();
for (const input of Object.keys(result.metafile.inputs)) {
  const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
  if (name) packages.add(name);
}

const notices = [...packages].sort().map((name) => {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const files = readdirSync(folder)
    .filter((file) => /^(NOTICE|LICENSE)(-MIT)?(\.txt)?$/.test(file))
    .sort((a, b) => b.localeCompare(a, "en"))
    .map((file) => `${folder}/${file}`);
  if (files.length === 0) throw new Error(`${name} has no licence`);
  const texts = files.map((file) => readFileSync(file, "utf8").trim());
  return [`${name} ${version} (${license})`, ...texts].join("\n\n");
});
const rule = `\n\n${"-".repeat(80)}\n\n`;
writeFileSync("dist/NOTICE.txt", `app.js contains code of these packages.${rule}${notices.join(rule)}\n`);

// A report holds both files inline.
for (const [file, end] of [
  ["app.js", "</script"],
  ["app.css", "</style"],
]) {
  const text = readFileSync(`dist/${file}`, "utf8");
  if (text.toLowerCase().includes(end)) throw new Error(`dist/${file} holds ${end}`);
  console.log(`dist/${file}: ${(text.length / 1024).toFixed(0)} KiB`);
}
