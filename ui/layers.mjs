/**
 * Who may import whom, as dependency-cruiser checks it: the folders of src from top to bottom. A folder imports from
 * itself and from those below it, and no files import each other in a circle, not even for a type.
 */
const LAYERS = [
  "(main|gallery)\\.tsx$", // entries
  "shell/", // the frame around the views: columns, bars, drawers, keys
  "sidebyside/", // views, each above the ones that it shows parts of
  "chat/",
  "inspector/",
  "sampler/",
  "instruments/", // what shows tokens, of any answer that it is given
  "store/", // conversations and preferences; the browser's database
  "api/(?!schema)", // what the server says
  "kit/", // controls, dialogs, notices, colours
  "lib/", // pure functions
  "types\\.ts$",
  "api/schema\\.d\\.ts$", // the server's own description, generated
];

export default {
  forbidden: [
    ...LAYERS.slice(1).map((layer, i) => ({
      name: `${layer.split(/\W/)[0]}-imports-from-above`,
      severity: "error",
      from: { path: `^src/${layer}` },
      to: { path: LAYERS.slice(0, i + 1).map((above) => `^src/${above}`) },
    })),
    { name: "cycle", severity: "error", from: {}, to: { circular: true } },
    // A folder that LAYERS does not name would be checked by no rule.
    {
      name: "no-layer",
      severity: "error",
      from: { pathNot: LAYERS.map((layer) => `^src/${layer}`) },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    includeOnly: "^src/",
    exclude: "\\.test\\.tsx?$",
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
  },
};
