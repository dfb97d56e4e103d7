/**
 * Fails the build when what the browser fetches before the first paint (the entry script, what it imports
 * statically, the linked styles, the fonts of the Latin alphabet) weighs more than the budget. Sizes are gzip bytes.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { gzipSync } from "node:zlib";

const BUDGET = 300 * 1024;
const dist = join(import.meta.dir, "..", "dist");
const html = readFileSync(join(dist, "index.html"), "utf8");

function staticImports(file: string): string[] {
  const code = readFileSync(join(dist, file), "utf8");
  const found = code.matchAll(/(?:^|[;}\n])\s*(?:import|export)\s*(?:[^"'();]*?from\s*)?["'](\.[^"']+)["']/g);
  return [...found].map((match) => normalize(join(dirname(file), match[1] as string)));
}

const queue = [...html.matchAll(/(?:src|href)="\.?\/?(assets\/[^"]+\.(?:js|css))"/g)].map(
  (m) => m[1] as string,
);
const seen = new Set<string>();
let total = gzipSync(html).length;
for (let file = queue.pop(); file; file = queue.pop()) {
  if (seen.has(file) || !existsSync(join(dist, file))) continue;
  seen.add(file);
  total += gzipSync(readFileSync(join(dist, file))).length;
  if (file.endsWith(".js")) queue.push(...staticImports(file));
}
for (const font of readdirSync(join(dist, "assets")).filter((name) =>
  /-latin-(wght|400).*\.woff2$/.test(name),
)) {
  seen.add(font);
  total += readFileSync(join(dist, "assets", font)).length;
}
const kb = (bytes: number) => `${(bytes / 1024).toFixed(1)} kB`;
console.log(`first load: ${kb(total)} gzip in ${seen.size} files (budget ${kb(BUDGET)})`);
if (total > BUDGET) {
  console.error("error: the first load is over its budget. Load something lazily.");
  process.exit(1);
}
