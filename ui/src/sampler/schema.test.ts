import { describe, expect, it } from "vitest";
import type { JsonSchema } from "@/api/samplers";
import { type Field, faultOf, fieldGroups, labelOf } from "./schema";
import { travelOf } from "./slider";

// The forms that pydantic writes: $ref with a default beside it, allOf of one, nullable anyOf, exclusive bounds.
const schema = {
  $defs: {
    Treading: {
      type: "object",
      description: "High entropy, low varentropy.",
      properties: {
        temperature_maximum: { type: "number", minimum: 0, maximum: 5, description: "The highest." },
        clarifies: { type: "boolean", description: "Whether it puts in a token." },
        when: { type: "array", items: { type: "string", pattern: "^\\w+ [<>] (low|high)$" } },
      },
    },
  },
  properties: {
    repetition_penalty: { type: "number", minimum: 0.01, maximum: 10 },
    xtc_threshold: { type: "number", minimum: 0, maximum: 0.5 },
    temperature: { type: "number", minimum: 0, maximum: 5, description: "Base temperature." },
    top_k: { type: "integer", exclusiveMinimum: 0, maximum: 100 },
    window: { type: "integer", minimum: 1, maximum: 64 },
    low_logits_entropy_threshold: { type: "number", minimum: 0, maximum: 20 },
    seed_text: { anyOf: [{ type: "string" }, { type: "null" }] },
    treading: { $ref: "#/$defs/Treading", default: {} },
    exploring: { allOf: [{ $ref: "#/$defs/Treading" }] },
    not_in_this_preset: { type: "number" },
  },
} as JsonSchema;

const quadrant = { temperature_maximum: 1.5, clarifies: true, when: ["entropy > high"] };
const values = {
  repetition_penalty: 1,
  xtc_threshold: 0.1,
  temperature: 0.666,
  top_k: 27,
  window: 8,
  low_logits_entropy_threshold: 0.1,
  seed_text: "",
  treading: quadrant,
  exploring: quadrant,
};

describe("fieldGroups", () => {
  const groups = fieldGroups(schema, values);
  const ids = groups.map((group) => [group.name, group.fields.map((f) => f.id)]);

  it("groups base values, thresholds and each nested object, and leaves out what the values lack", () => {
    expect(ids).toEqual([
      ["Base values", ["temperature", "top_k", "window", "seed_text"]],
      ["Penalties and filters", ["repetition_penalty", "xtc_threshold"]],
      ["Thresholds", ["low_logits_entropy_threshold"]],
      ["Treading", ["treading.temperature_maximum", "treading.clarifies", "treading.when"]],
      ["Exploring", ["exploring.temperature_maximum", "exploring.clarifies", "exploring.when"]],
    ]);
  });

  it("reads kinds, ranges and descriptions", () => {
    const fields = groups.flatMap((group) => group.fields);
    expect(fields[0]).toMatchObject({
      kind: "number",
      minimum: 0,
      maximum: 5,
      description: "Base temperature.",
    });
    expect(fields[1]).toMatchObject({ kind: "integer", minimum: 0, maximum: 100 });
    expect(fields[2]).toMatchObject({ kind: "integer", minimum: 1, maximum: 64 });
    expect(fields[3]?.kind).toBe("text");
    expect(fields[8]).toMatchObject({ kind: "boolean", description: "Whether it puts in a token." });
    expect(fields[9]).toMatchObject({ kind: "list", pattern: "^\\w+ [<>] (low|high)$" });
  });

  it("writes names as a person would", () => {
    expect(labelOf("low_logits_entropy_threshold")).toBe("Low logits entropy");
    expect(labelOf("top_k_maximum")).toBe("top_k maximum");
    expect(labelOf("xtc_threshold")).toBe("XTC threshold");
  });
});

const field = (change: Partial<Field>): Field => ({
  path: ["x"],
  id: "x",
  label: "X",
  description: "",
  kind: "number",
  minimum: 0,
  maximum: 20,
  choices: [],
  pattern: null,
  example: "",
  empty: false,
  ...change,
});

describe("faultOf", () => {
  it("names the range of a number, and the form of a condition", () => {
    expect(faultOf(field({}), 21)).toContain("0 to 20");
    expect(faultOf(field({}), Number.NaN)).toContain("A number");
    expect(faultOf(field({ kind: "integer" }), 1.5)).toContain("whole");
    expect(faultOf(field({ kind: "list", pattern: "^a$" }), ["b"])).toContain("“b”");
    expect(faultOf(field({ kind: "list", pattern: "^a$" }), [])).toContain("At least one");
    expect(faultOf(field({ kind: "list", pattern: "^a$", empty: true }), [])).toBeNull();
    expect(faultOf(field({ kind: "list", choices: ["A", "B"] }), ["A", "C"])).toContain(
      "“C” is none of A, B",
    );
    expect(faultOf(field({}), 20)).toBeNull();
  });
});

describe("travelOf", () => {
  it.each([
    ["an even range", field({ maximum: 1 }), 0.9],
    ["a small usual value in a wide range", field({ maximum: 20 }), 0.1],
    ["a range on both sides of zero", field({ minimum: -1000, maximum: 1000 }), -0.2],
    ["a whole number", field({ kind: "integer", minimum: 1, maximum: 100 }), 27],
  ])("goes from end to end and back: %s", (_, f, usual) => {
    const travel = travelOf(f, usual);
    expect(travel?.toValue(0)).toBe(f.minimum);
    expect(travel?.toValue(1)).toBe(f.maximum);
    expect(travel?.toValue(travel.toPosition(usual))).toBeCloseTo(usual, 6);
  });

  it("gives small values room, and nothing to a field without a range", () => {
    expect(travelOf(field({}), 0.1)?.toPosition(0.1)).toBeGreaterThan(0.15);
    expect(travelOf(field({ maximum: null }), 1)).toBeNull();
  });
});
