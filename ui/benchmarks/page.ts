/**
 * Frame times of the whole page while an answer of 4,096 tokens streams in:
 *
 *     bun benchmarks/page.ts [http://127.0.0.1:8000 [tokens a second, 256 by default]]
 *
 * The built page is served by the server at that address; only the answers are replayed, at a pace of our choosing, by a
 * proxy in front of it. What counts is the main thread's work a frame, processor time from Chromium's own trace. Exits
 * with 1 if the work of any frame went over the budget.
 */
import { type Browser, chromium, type Page } from "playwright-core";
import { syntheticTokens } from "../fixtures/synthetic";
import type { TokenRecord } from "../src/types";
import { frameWork, startTrace, summary } from "./trace";

const TOKENS = 4096;
const PATHS = 8;
const BUDGET_MS = 33;
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const SERVER = process.argv[2] ?? "http://127.0.0.1:8000";
const TOKENS_PER_SECOND = Number(process.argv[3] ?? 256);

interface Case {
  name: string;
  /** Opens what is measured. */
  open: (page: Page) => Promise<void>;
  /** Asks for the answers; by default for one, in the chat. */
  ask?: (page: Page) => Promise<void>;
  /** The first thing that is there of an answer; by default a token of its text. */
  first?: string;
}

/** The inspector shows one view beside the text; each has its turn, then all that can be open at once. */
const CASES: Case[] = [
  { name: "text and token list", open: (page) => tab(page, "Tokens") },
  { name: "text and timeline, six strips and slopes", open: openTimeline },
  { name: "text and map", open: (page) => tab(page, "Map") },
  { name: "text coloured by entropy, and list", open: colour("logits_entropy") },
  { name: "text coloured by attention entropy, and list", open: colour("attention_entropy") },
  {
    name: "formatted text and token list",
    open: (page) => page.getByText("Reading", { exact: true }).click(),
  },
  { name: "two answers side by side, and timeline of six strips", open: openTimeline, ask: askBoth },
  {
    name: `${PATHS} paths, their last words and their tree`,
    open: (page) => tab(page, "Forks"),
    ask: askForking,
    first: 'ul[aria-label="Paths being written"]',
  },
];

async function ask(page: Page): Promise<void> {
  await page.locator("#composer").fill("Replay");
  await page.keyboard.press("Enter");
}

async function askBoth(page: Page): Promise<void> {
  await page.goto(`${proxy.url.href}#/side-by-side`);
  await page.getByLabel("Prompt for both").fill("Replay");
  await page.keyboard.press("Enter");
}

async function askForking(page: Page): Promise<void> {
  await tab(page, "Sampler");
  await page.getByLabel("Forks", { exact: true }).last().selectOption("independent");
  await ask(page);
}

async function tab(page: Page, name: string): Promise<void> {
  await page.getByRole("tab", { name }).click();
}

async function openTimeline(page: Page): Promise<void> {
  await tab(page, "Timeline");
  const timeline = page.getByRole("region", { name: "Timeline" });
  await timeline.waitFor();
  const closed = timeline.locator('button[aria-pressed="false"]');
  while ((await closed.count()) > 0) await closed.first().click();
}

function colour(by: string): (page: Page) => Promise<void> {
  return async (page) => {
    await page.getByLabel("Colour tokens by").selectOption(by);
  };
}

/** One event of the stream, as the server writes it. */
function chunk({ text, alternatives, ...metrics }: TokenRecord, last: boolean): string {
  const { token, logprob } = metrics;
  const content = [{ token, logprob, bytes: null, top_logprobs: alternatives }];
  const choice = {
    index: 0,
    delta: { content: text },
    logprobs: { content },
    finish_reason: last ? "stop" : null,
  };
  return `data: ${JSON.stringify({ choices: [choice], metrics: [metrics] })}\n\n`;
}

const records = syntheticTokens(TOKENS).map((record, i) => chunk(record, i === TOKENS - 1));

/** The same tokens as those of several paths, which take turns. */
const forked = syntheticTokens(TOKENS).flatMap(({ text, alternatives, ...metrics }, i) => {
  const [branch, at] = [i % PATHS, Math.floor(i / PATHS)];
  const place = { choice: 0, branch, position: 37 + at };
  const begins = { ...place, type: "fork", parent: 0, token_ids: [], text: "", finish_reason: null };
  const last = at === TOKENS / PATHS - 1 ? "stop" : null;
  const token = {
    ...metrics,
    ...place,
    type: "token",
    text,
    finish_reason: last,
    top_logprobs: alternatives,
  };
  const forks = at === 0 && branch > 0 ? [begins, token] : [token];
  const choices = [{ index: 0, delta: {}, finish_reason: null }];
  return `data: ${JSON.stringify({ choices, forks })}\n\n`;
});

/** The recorded answer at its pace. */
async function* replay(records: readonly string[]): AsyncGenerator<string> {
  const start = performance.now();
  for (let sent = 0; sent < TOKENS; ) {
    await Bun.sleep(1000 / TOKENS_PER_SECOND);
    const due = Math.ceil(((performance.now() - start) / 1000) * TOKENS_PER_SECOND);
    yield records.slice(sent, due).join("");
    sent = due;
  }
  yield "data: [DONE]\n\n";
  // The page hangs up now. Were it the server, the browser would decode all of the answer for its developer tools.
  await Bun.sleep(2000);
}

const proxy = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 120,
  fetch: async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/v1/chat/completions") {
      const { fork } = (await request.json()) as { fork?: unknown };
      return new Response(replay(fork ? forked : records), {
        headers: { "content-type": "text/event-stream" },
      });
    }
    return fetch(SERVER + pathname, { decompress: true });
  },
});

async function measure(
  browser: Browser,
  { open, ask: start = ask, first = ".tokens [data-i]" }: Case,
): Promise<number[]> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto(proxy.url.href);
  await page.getByText("ready").waitFor();
  await start(page);
  await page.locator(first).first().waitFor();
  await open(page);
  await page.waitForTimeout(500); // what is loaded on demand is there by then
  // A frame ends where the next one begins: without a next one, all that happens later would count as its work.
  await page.evaluate(() => {
    const tick = () => requestAnimationFrame(tick);
    tick();
  });
  await startTrace(browser, page);
  const seconds = TOKENS / TOKENS_PER_SECOND;
  await page
    .locator('[data-status="streaming"]')
    .first()
    .waitFor({ state: "detached", timeout: (seconds + 60) * 1000 });
  await page.waitForTimeout(500); // and what is done once at the end
  const work = frameWork(await browser.stopTracing());
  await page.close();
  return work;
}

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
let failed = false;
try {
  console.log(
    `| ${TOKENS.toLocaleString("en")} tokens, ${TOKENS_PER_SECOND} tokens/s, whole page | frames | work a frame, ms: median | p95 | max | over ${BUDGET_MS} ms |`,
  );
  console.log("| --- | --- | --- | --- | --- | --- |");
  for (const one of CASES) {
    const work = await measure(browser, one);
    const over = work.filter((ms) => ms > BUDGET_MS).length;
    failed ||= over > 0;
    console.log(`| ${[one.name, work.length, ...summary(work), over].join(" | ")} |`);
  }
} finally {
  await browser.close();
  await proxy.stop(true);
}
process.exit(failed ? 1 : 0);
