// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { useFacts } from "@/lib/facts";
import { checkServer, useServer } from "./server";

const list = {
  default: "entropix",
  config: {},
  presets: { entropix: {} },
  normal: {},
  fitted: null,
  schema: {},
  plain_schema: {},
  quadrants: [{ name: "FLOWING", code: "lelv", phrase: "at ease", glyph: "≈" }],
  metrics: [],
  system_prompt: "Be kind.",
};

/** A server whose /health says this. */
function serve(status: string, model: string | null): string[] {
  const asked: string[] = [];
  const bodies: Record<string, unknown> = {
    "/health": { status, model, rows: 0, queue: 0 },
    "/v1/samplers": list,
    "/v1/models": { data: [{ id: "m" }] },
  };
  vi.spyOn(globalThis, "fetch").mockImplementation(async (url) => {
    const { pathname } = new URL(String(url));
    asked.push(pathname);
    return Response.json(bodies[pathname]);
  });
  return asked;
}

const before = useFacts.getState();
beforeEach(() => useServer.setState({ connection: "connecting", samplers: null, model: null }));
afterEach(() => {
  useFacts.setState(before);
  vi.restoreAllMocks();
});

describe("checkServer", () => {
  it("learns the facts while the model loads, once, and the samplers with the model", async () => {
    serve("loading", null);
    await checkServer();
    expect(useServer.getState()).toMatchObject({ connection: "loading", samplers: null });
    expect(useFacts.getState()).toMatchObject({ system_prompt: "Be kind.", quadrants: list.quadrants });
    // They are there from the next visit's first frame on.
    expect(localStorage.getItem("entropix.facts")).toContain("at ease");

    const asked = serve("loading", null);
    await checkServer();
    expect(asked).toEqual(["/health"]);

    serve("ok", "Small");
    await checkServer();
    const { connection, modelId, samplers } = useServer.getState();
    expect([connection, modelId, samplers?.defaultName]).toEqual(["ok", "m", "entropix"]);
  });
});
