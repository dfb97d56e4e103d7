/** Frame times of a page out of Chromium's own trace. */
import type { Browser, Page } from "playwright-core";

/** Starts the trace that `frameWork` reads. */
export function startTrace(browser: Browser, page: Page): Promise<void> {
  return browser.startTracing(page, {
    categories: [
      "-*",
      "disabled-by-default-devtools.timeline",
      "disabled-by-default-devtools.timeline.frame",
      "toplevel",
    ],
  });
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
export function frameWork(trace: Buffer): number[] {
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
export function summary(values: readonly number[]): string[] {
  return [0.5, 0.95, 1].map((share) => quantile(values, share).toFixed(1));
}
