/**
 * What the AI SDK gets of the server at the base URL in the first argument, as JSON on stdout.
 *
 * bun ask.ts http://127.0.0.1:8000/v1
 */
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateObject, generateText, isStepCount, Output, streamObject, streamText, tool } from "ai";
import { z } from "zod";

const baseURL = process.argv[2];
const name = "SmolLM2-135M-Instruct";
const question = "What is the capital of France?";
const fact = "Paris is in France.";
const City = z.object({ city: z.enum(["Paris", "Rome"]), country: z.enum(["France", "Italy"]) });
const always = { temperature: 0, maxOutputTokens: 40, maxRetries: 0 };

// What a server says beside the answer comes by a provider's `metadataExtractor`.
const metricsOf = (answer: any) => ({ entropix: { metrics: answer?.metrics ?? [] } });
const compatible = createOpenAICompatible({
  name: "entropix",
  baseURL,
  supportsStructuredOutputs: true,
  metadataExtractor: {
    extractMetadata: async ({ parsedBody }) => metricsOf(parsedBody),
    createStreamExtractor() {
      const metrics: any[] = [];
      return {
        processChunk: (chunk: any) => void metrics.push(...(chunk?.metrics ?? [])),
        buildMetadata: () => metricsOf({ metrics }),
      };
    },
  },
})(name);
const openai = createOpenAI({ baseURL, apiKey: "none" });
const responses = openai(name);

const providerOptions = { entropix: { sampler: "entropix" } };

async function text() {
  const answer = await generateText({ ...always, model: compatible, prompt: question, providerOptions });
  const metrics = answer.providerMetadata?.entropix?.metrics as any[];
  return { text: answer.text, quadrants: metrics.map((token) => token.quadrant), tokens: answer.usage.outputTokens };
}

async function stream() {
  const answer = streamText({ ...always, model: compatible, prompt: question, providerOptions });
  const parts: string[] = [];
  for await (const part of answer.textStream) parts.push(part);
  const metrics = (await answer.providerMetadata)?.entropix?.metrics as any[];
  return { parts, quadrants: metrics.map((token) => token.quadrant), reason: await answer.finishReason };
}

async function objects() {
  const ask = { ...always, prompt: fact, schema: City };
  const streamed = streamObject({ ...ask, model: compatible });
  let parts = 0;
  for await (const _ of streamed.partialObjectStream) parts++;
  const output = Output.object({ schema: City });
  return {
    generateObject: (await generateObject({ ...ask, model: compatible })).object,
    streamObject: await streamed.object,
    parts,
    responses: (await generateText({ ...always, prompt: fact, model: responses, output })).output,
  };
}

/** A tool that is called, and a second step that reads what it returned. */
async function calls(model: typeof compatible | typeof responses) {
  const asked: string[] = [];
  const getWeather = tool({
    description: "The weather in a city",
    inputSchema: z.object({ city: z.enum(["Paris", "Rome"]) }),
    execute: async ({ city }) => {
      asked.push(city);
      return `Sunny in ${city}`;
    },
  });
  const answer = await generateText({
    ...always,
    model,
    prompt: "How is the weather in Paris?",
    tools: { getWeather },
    stopWhen: isStepCount(2),
    prepareStep: ({ stepNumber }) =>
      stepNumber
        ? { toolChoice: "none", maxOutputTokens: 12 }
        : { toolChoice: { type: "tool", toolName: "getWeather" } },
    providerOptions: { openai: { store: false } },
  });
  return { asked, reasons: answer.steps.map((step) => step.finishReason), text: answer.text };
}

async function refusal() {
  try {
    await generateText({ ...always, model: compatible, prompt: question, providerOptions: { entropix: { best_of: 3 } } });
  } catch (error) {
    if (APICallError.isInstance(error)) return { status: error.statusCode, message: error.message };
    throw error;
  }
}

globalThis.AI_SDK_LOG_WARNINGS = false; // it says on stdout that some functions have newer names
const [answer, streamed, objectsMade, ofCompatible, ofResponses, refused] = await Promise.all([
  text(),
  stream(),
  objects(),
  calls(compatible),
  calls(responses),
  refusal(),
]);
const found = { text: answer, stream: streamed, objects: objectsMade, refusal: refused };
console.log(JSON.stringify({ ...found, calls: { compatible: ofCompatible, responses: ofResponses } }));
