/**
 * `bun run dev [-- SERVER ARGUMENTS]`: the API server and Vite together, with both logs on one terminal. Ctrl-C ends
 * both; when one of them ends, so does the other.
 */
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { type ServerArguments, serverArguments } from "./arguments";

const UI = join(import.meta.dir, "..");
const ROOT = join(UI, "..");
const UI_PORT = 5173;

function fail(wrong: string, remedy: string): never {
  console.error(`error: ${wrong}\n${remedy}`);
  process.exit(1);
}

/** The port if it is free (port 0: some free one), null if something listens on it already. */
function freePort(port: number, host: string): Promise<number | null> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(null));
    probe.listen(port, host, () => {
      const { port: free } = probe.address() as AddressInfo;
      probe.close(() => resolve(free));
    });
  });
}

/** Says what is missing, or gives the port that the server will have. */
async function checkSurroundings({ host, port }: ServerArguments): Promise<number> {
  if (!Bun.which("uv")) {
    fail(
      "uv is not installed; it runs the server.",
      "Install it from https://docs.astral.sh/uv and try again.",
    );
  }
  if (!(await Bun.file(join(UI, "node_modules/vite/package.json")).exists())) {
    fail("the packages of the page are not installed.", "Run: bun install");
  }
  const free = await freePort(port, host);
  if (free === null) {
    fail(
      `port ${port} is taken, perhaps by a server that runs already.`,
      `End it, or choose another port: bun run dev -- --port ${port + 1}`,
    );
  }
  return free;
}

/** Copies a stream to the terminal line by line, each with its name in front. */
async function relay(stream: ReadableStream<Uint8Array>, name: string, colour: string): Promise<void> {
  const plain = process.env.NO_COLOR !== undefined || !process.stdout.isTTY;
  const prefix = plain ? `${name} | ` : `\x1b[${colour}m${name}\x1b[0m | `;
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split(/\r\n|\n|\r/);
    rest = lines.pop() ?? "";
    for (const line of lines) process.stdout.write(`${prefix}${line}\n`);
  }
  if (rest) process.stdout.write(`${prefix}${rest}\n`);
}

function start(
  name: string,
  colour: string,
  command: string[],
  cwd: string,
  env: Record<string, string> = {},
) {
  // `detached`: a group of its own, so that Ctrl-C reaches the children through us alone, and once.
  const child = Bun.spawn(command, {
    cwd,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  });
  const logs = Promise.all([relay(child.stdout, name, colour), relay(child.stderr, name, colour)]);
  return { name, child, logs };
}

type Child = ReturnType<typeof start>;

function signal({ child }: Child, which: "SIGINT" | "SIGKILL"): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, which);
  } catch {
    // It ended between the check and the signal.
  }
}

async function endAll(children: Child[]): Promise<void> {
  for (const child of children) signal(child, "SIGINT");
  const late = setTimeout(() => {
    for (const child of children) signal(child, "SIGKILL");
  }, 10_000);
  await Promise.all(children.map(({ child }) => child.exited));
  clearTimeout(late);
  await Promise.all(children.map(({ logs }) => logs));
}

async function main(): Promise<void> {
  const given = process.argv.slice(2).filter((argument, i) => !(argument === "--" && i === 0));
  const server = serverArguments(given);
  const port = await checkSurroundings(server);
  const address = `http://${server.host.includes(":") ? `[${server.host}]` : server.host}:${port}`;
  const children = [
    start("server", "36", ["uv", "run", "mlx_server.py", ...given, "--port", String(port)], ROOT),
    start("page  ", "35", [process.execPath, "x", "vite", "--port", String(UI_PORT)], UI, {
      ENTROPIX_SERVER: address,
    }),
  ];
  let ending = false;
  const stop = () => {
    ending = true;
    for (const child of children) signal(child, "SIGINT");
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  const first = await Promise.race(children.map(async (c) => ({ name: c.name, code: await c.child.exited })));
  await endAll(children);
  if (ending || first.code === 0) return;
  console.error(
    `error: the ${first.name.trim()} ended by itself (exit code ${first.code}); its last lines above say why.`,
  );
  process.exit(first.code || 1);
}

await main();
