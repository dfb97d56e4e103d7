import { describe, expect, it } from "vitest";
import { nameOn, readSamplers, samplerFields, schemaOf } from "./samplers";

const body = {
  default: "frog",
  config: { temperature: 0.4 },
  presets: { entropix: { temperature: 0.666 }, frog: { temperature: 0.666 } },
  normal: { temperature: 0.7 },
  schema: { title: "SamplerConfig" },
  plain_schema: { title: "PlainConfig" },
  fitted: null,
  forks: [],
  quadrants: [],
  metrics: [],
  system_prompt: "",
};

describe("readSamplers", () => {
  it("lists the presets and the plain sampler, and takes the default's values as the server runs it", () => {
    const samplers = readSamplers(body);
    expect(Object.keys(samplers.presets)).toEqual(["entropix", "frog", "normal"]);
    expect(samplers.defaultName).toBe("frog");
    expect(samplers.presets.frog).toEqual({ temperature: 0.4 });
    expect(schemaOf(samplers, "normal").title).toBe("PlainConfig");
    expect(schemaOf(samplers, "entropix").title).toBe("SamplerConfig");
  });

  it("knows what auto was fitted to, and falls back on the server's own where a sampler is not there", () => {
    expect(readSamplers(body).fitted).toBeNull();
    expect(nameOn(readSamplers(body), "auto")).toBe("frog");
    expect(nameOn(readSamplers(body), "entropix")).toBe("entropix");
    expect(nameOn(null, "auto")).toBe("auto");
    const fitted = { model: "Small", date: "2026-11-25", command: "", data: "", targets: {}, shares: {} };
    const samplers = readSamplers({
      ...body,
      presets: { auto: {}, ...body.presets },
      default: "auto",
      fitted,
    });
    expect(samplers.fitted).toEqual(fitted);
    expect(nameOn(samplers, "auto")).toBe("auto");
  });
});

describe("samplerFields", () => {
  it("sends the overrides only where there are any", () => {
    expect(samplerFields("entropix", {})).toEqual({ sampler: "entropix" });
    expect(samplerFields("normal", { top_k: 5 })).toEqual({
      sampler: "normal",
      sampler_config: { top_k: 5 },
    });
  });
});
