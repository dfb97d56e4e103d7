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
  await browser.startTracing(page, {
    categories: [
      "-*",
      "disabled-by-default-devtools.timeline",
      "disabled-by-default-devtools.timeline.frame",
      "toplevel",
    ],
  });
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

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  /** Time on the clock, in µs. */
  dur?: number;
  /** Processor time in µs, without what other programs took meanwhile. */
  tdur?: number;
  args?: { name?: string };
}

/** Processor time in ms that the busiest page's main thread spent from each animation frame to the next. */
function frameWork(trace: Buffer): number[] {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  const threads = traceEvents.filter(
    ({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain",
  );
  const pages = threads.map(({ pid, tid }) =>
    traceEvents.filter((event) => event.pid === pid && event.tid === tid),
  );
  const page = pages.sort((a, b) => b.length - a.length)[0] ?? [];
  const tasks = page.filter(({ name, dur }) => name === "RunTask" && dur).sort((a, b) => a.ts - b.ts);
  const begins = page.filter(({ name }) => name === "BeginMainThreadFrame").map(({ ts }) => ts);
  const work: number[] = [];
  let k = 0;
  for (const { ts, dur = 0, tdur = 0 } of tasks) {
    // The task in which a frame begins, and those after it until the next, are that frame's.
    while ((begins[k] ?? Number.POSITIVE_INFINITY) < ts) k++;
    if ((begins[k] ?? Number.POSITIVE_INFINITY) <= ts + dur) work.push(0);
    if (work.length > 0) work[work.length - 1] = (work.at(-1) as number) + tdur / 1000;
  }
  return work;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Median, p95 and maximum in ms. */
function summary(values: readonly number[]): string[] {
  return [0.5, 0.95, 1].map((share) => quantile(values, share).toFixed(1));
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
