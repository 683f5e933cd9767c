// Asks the language services behind VS Code, Neovim and others: what they say of documents, with a schema. Reads
// {schema, questions: [{language, what, text}]} from the file that is named, and prints a list of answers. In a text | is the cursor.
const json = require("vscode-json-languageservice");
const { TextDocument } = require("vscode-languageserver-textdocument");
const { getLanguageService } = require("yaml-language-server");
const { readFileSync } = require("fs");

const asked = JSON.parse(readFileSync(process.argv[2], "utf8"));
const schemas = [{ uri: "schema:workflow", fileMatch: ["*"], schema: asked.schema }];

function ofJson() {
  const service = json.getLanguageService({});
  service.configure({ schemas });
  const read = (document) => service.parseJSONDocument(document);
  return {
    validate: (document) => service.doValidation(document, read(document), { schemaValidation: "error" }),
    complete: (document, position) => service.doComplete(document, position, read(document)),
    hover: (document, position) => service.doHover(document, position, read(document)),
  };
}

function ofYaml() {
  const service = getLanguageService({
    schemaRequestService: async () => JSON.stringify(asked.schema),
    workspaceContext: { resolveRelativePath: (path) => path },
    telemetry: { send() {}, sendError() {}, sendTrack() {} },
    clientCapabilities: {},
  });
  service.configure({ validate: true, completion: true, hover: true, yamlVersion: "1.2", schemas });
  return {
    validate: (document) => service.doValidation(document, false),
    complete: (document, position) => service.doComplete(document, position, false),
    hover: (document, position) => service.doHover(document, position),
  };
}

const told = {
  validate: (found) => found.map((diagnostic) => diagnostic.message),
  complete: (found) => found.items.map((item) => item.label.replaceAll('"', "")),
  hover: (found) => [found?.contents].flat().map((part) => part?.value ?? part).join("\n"),
};

(async () => {
  const services = { json: ofJson(), yaml: ofYaml() };
  const answers = [];
  for (const [number, { language, what, text }] of asked.questions.entries()) {
    const at = text.indexOf("|");
    const plain = at < 0 ? text : text.slice(0, at) + text.slice(at + 1);
    const document = TextDocument.create(`file:///${number}.${language}`, language, 1, plain);
    answers.push(told[what](await services[language][what](document, document.positionAt(Math.max(at, 0)))));
  }
  process.stdout.write(JSON.stringify(answers));
})();
