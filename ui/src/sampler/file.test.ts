import { describe, expect, it } from "vitest";
import type { Samplers } from "@/api/samplers";
import { configFile, readConfigFile } from "./file";

const samplers: Samplers = {
  presets: {
    entropix: { temperature: 0.666, adaptive: { top_k_maximum: 100 } },
    normal: { temperature: 0.7 },
  },
  schema: {
    $defs: { Adaptive: { properties: { top_k_maximum: { type: "integer", minimum: 1, maximum: 100 } } } },
    properties: {
      temperature: { type: "number", minimum: 0, maximum: 5 },
      adaptive: { $ref: "#/$defs/Adaptive" },
    },
  },
  plainSchema: { properties: { temperature: { type: "number", minimum: 0, maximum: 5 } } },
  defaultName: "entropix",
  forks: [],
  fitted: null,
};

const preset = samplers.presets.entropix ?? {};

describe("the sampler's config file", () => {
  it("holds every value and comes back as the same overrides", () => {
    const overrides = { temperature: 1.2, adaptive: { top_k_maximum: 40 } };
    const text = configFile(preset, overrides);
    expect(JSON.parse(text)).toEqual({ temperature: 1.2, adaptive: { top_k_maximum: 40 } });
    expect(readConfigFile(text, "entropix", samplers)).toEqual(overrides);
  });

  it("may be partial", () => {
    expect(readConfigFile('{"temperature": 0.5}', "entropix", samplers)).toEqual({ temperature: 0.5 });
    expect(readConfigFile(configFile(preset, {}), "entropix", samplers)).toEqual({});
  });

  it.each([
    ["text that is not JSON", "temperature: 1", /not JSON/],
    ["a list", "[1]", /one JSON object/],
    ["an unknown name", '{"adaptive": {"nope": 1}}', /adaptive\.nope/],
    [
      "a value out of range",
      '{"adaptive": {"top_k_maximum": 0}}',
      /adaptive\.top_k_maximum is 0: .*1 to 100/,
    ],
    ["a wrong type", '{"temperature": "hot"}', /temperature is "hot"/],
    ["a value where values are grouped", '{"adaptive": 3}', /adaptive/],
  ])("refuses %s", (_, text, message) => {
    expect(() => readConfigFile(text, "entropix", samplers)).toThrow(message);
  });

  it("says which sampler a file of the entropy sampler needs", () => {
    expect(() => readConfigFile(configFile(preset, {}), "normal", samplers)).toThrow(/Choose a preset/);
  });
});
