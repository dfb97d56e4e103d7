/**
 * The frames of a streaming answer, shared out: a frame draws a text or other views, never both, in a fair order. So no
 * frame has all the work, and the text keeps moving however many views there are.
 */
type Job = () => void;

/** What is to be drawn, each in a frame of its own, the one that has waited longest first. */
const waiting = new Set<Job>();
/** The views that share a frame. */
const views = new Set<Job>();
/** One view after another draws in a frame until so many ms are gone; the first always does. */
const SHARE_MS = 4;

let frame = 0;

/** Draws a growing text in a coming frame; asking again before that keeps its place. Returns how to call it off. */
export function drawText(job: Job): () => void {
  ask(job);
  return () => void waiting.delete(job);
}

/** Draws another view in a coming frame, with as many more as there is time for. */
export function drawView(job: Job): () => void {
  views.add(job);
  ask(drawViews);
  return () => void views.delete(job);
}

function ask(job: Job): void {
  waiting.add(job);
  if (frame === 0) frame = requestAnimationFrame(draw);
}

function draw(): void {
  frame = 0;
  const [job] = waiting;
  if (!job) return;
  waiting.delete(job);
  try {
    job();
  } finally {
    if (waiting.size > 0 && frame === 0) frame = requestAnimationFrame(draw);
  }
}

function drawViews(): void {
  const start = performance.now();
  do {
    const [view] = views;
    if (!view) return;
    views.delete(view);
    view();
  } while (performance.now() - start < SHARE_MS);
  if (views.size > 0) ask(drawViews);
}

/** Does what is not seen once a frame has time left, within `timeout` ms in any case. Returns how to call it off. */
export function whenIdle(job: Job, timeout: number): () => void {
  // Safari has no idle callbacks.
  if (typeof requestIdleCallback === "undefined") {
    const timer = setTimeout(job, 0);
    return () => clearTimeout(timer);
  }
  const handle = requestIdleCallback(job, { timeout });
  return () => cancelIdleCallback(handle);
}
