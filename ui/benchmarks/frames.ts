/**
 * Frame times while an answer of 4,096 tokens streams with every instrument open: `bun benchmarks/frames.ts`.
 *
 * The gallery is built as for production, served on the loopback and driven in headless Chromium without a GPU. What
 * counts is the main thread's work a frame, processor time from Chromium's own trace; the time on the clock, which also
 * counts whatever else the machine does, stands beside it. Exits with 1 if a frame's work went over the budget.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { build, preview } from "vite";
import { frameWork, startTrace, summary } from "./trace";

const TOKENS = 4096;
const BUDGET_MS = 33;
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

interface Case {
  name: string;
  tokensPerSecond: number;
  query: string;
}

/** A fast server, and one as fast as no model here will be; then with everything that can be opened open. */
const CASES: Case[] = [
  { name: "60 tokens/s, the last 512", tokensPerSecond: 60, query: `from=${TOKENS - 512}` },
  { name: "256 tokens/s, from the start", tokensPerSecond: 256, query: "" },
  { name: "256 tokens/s, coloured by entropy", tokensPerSecond: 256, query: "colour=logits_entropy" },
  { name: "256 tokens/s, six strips and slopes", tokensPerSecond: 256, query: "strips=all" },
  { name: "256 tokens/s, one paragraph", tokensPerSecond: 256, query: "paragraph=1" },
];

interface Measured {
  /** Time on the clock from a frame to the next, in ms. */
  gaps: number[];
  /** Processor time that the main thread spent on each frame, in ms. */
  work: number[];
}

async function measure(browser: Browser, url: string, { query, tokensPerSecond }: Case): Promise<Measured> {
  const page = await browser.newPage({ viewport: { width: 1500, height: 1000 } });
  await page.goto(`${url}gallery.html?empty=1&tokens=${TOKENS}&${query}`);
  if (query.includes("strips=all")) await openAll(page);
  await page.waitForTimeout(1000);
  // A stream that begins late is measured once its code is as warm as it would be by then.
  if (query.includes("from=")) await page.evaluate(() => window.stream(60, 60));
  await startTrace(browser, page);
  const gaps = await page.evaluate(streamAndTime, tokensPerSecond);
  const trace = await browser.stopTracing();
  await page.close();
  return { gaps, work: frameWork(trace) };
}

/** In the page: streams the answer and returns the time of each frame. */
async function streamAndTime(rate: number): Promise<number[]> {
  const times: number[] = [];
  let running = true;
  const frame = (now: number) => {
    times.push(now);
    if (running) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  await window.stream(rate);
  running = false;
  return times.slice(1).map((time, i) => time - (times[i] as number));
}

/** Opens every strip of the timeline, with slopes. */
async function openAll(page: Page): Promise<void> {
  const timeline = page.getByRole("region", { name: "Timeline" });
  const closed = timeline.locator('button[aria-pressed="false"]');
  while ((await closed.count()) > 0) await closed.first().click();
}

const out = mkdtempSync(join(tmpdir(), "frames-"));
await build({
  logLevel: "error",
  build: { outDir: out, emptyOutDir: true, rollupOptions: { input: "gallery.html" } },
});
const server = await preview({
  logLevel: "error",
  build: { outDir: out },
  preview: { host: "127.0.0.1", port: 0 },
});
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
let worst = 0;
try {
  const url = server.resolvedUrls?.local[0];
  if (!url) throw new Error("the preview server has no address");
  console.log(
    `| ${TOKENS.toLocaleString("en")} tokens, every view open | frames | work a frame: median | p95 | max | over ${BUDGET_MS} ms | clock: median | p95 | max |`,
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const one of CASES) {
    const { gaps, work } = await measure(browser, url, one);
    worst = Math.max(worst, ...work);
    const over = work.filter((ms) => ms > BUDGET_MS).length;
    const cells = [one.name, gaps.length, ...summary(work), over, ...summary(gaps)];
    console.log(`| ${cells.join(" | ")} |`);
  }
} finally {
  await browser.close();
  await server.close();
  rmSync(out, { recursive: true });
}
process.exit(worst > BUDGET_MS ? 1 : 0);
