// The public API's own client, calling what this service serves of that API: `make sdk`.
//
// API_URL and API_KEY are of a customer that has one facility, which an operator made, and nothing else.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import sdk from "@metriport/api-sdk";

const { MetriportMedicalApi, patientListSchema, patientSchema } = sdk;
const { API_URL, API_KEY } = process.env;
const PATIENCE_MS = 90_000;

/** The methods of the client that were answered with success. */
const succeeded = new Set();
const client = new Proxy(new MetriportMedicalApi(API_KEY, { baseAddress: API_URL }), {
  get: (target, name) => {
    if (typeof target[name] !== "function") return target[name];
    return (...values) => {
      const answer = target[name](...values);
      if (!(answer instanceof Promise)) succeeded.add(name);
      return answer instanceof Promise ? answer.then((value) => (succeeded.add(name), value)) : answer;
    };
  },
});

/** The methods that the guide says are served, and those that it says are not. */
async function methodsOfGuide() {
  const guide = await readFile(new URL("../../infra/docs/integrator.md", import.meta.url), "utf8");
  const row = (start) => guide.split("\n").find((line) => line.startsWith(`| ${start}`));
  return ["work", "are answered"].map((start) => row(start).match(/`\w+`/g).map((name) => name.slice(1, -1)));
}

/** What came to the customer's receiver: the body as it was sent, and the signature. */
const received = [];
const receiver = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  received.push({ body, signature: request.headers["x-metriport-signature"] });
  const { ping } = JSON.parse(body);
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(ping ? { pong: ping } : {}));
});
let settings;
/** The patients of the import, by their external ids. */
const patients = {};

/** Makes a call that the client has no method for. */
async function call(method, path, body) {
  const headers = { "x-api-key": API_KEY, "content-type": "application/json" };
  const response = await fetch(API_URL + path, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.json();
}

async function eventually(what, read) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await read();
    if (found) return found;
    assert.ok(Date.now() < deadline, what);
    await sleep(200);
  }
}

/** Imports a CSV and returns the parsed webhook that said how it ended. */
async function importFile(csv) {
  const job = await call("POST", `/medical/v1/patient/bulk?facilityId=${patients.facility}`);
  const uploaded = await fetch(job.uploadUrl, { method: "PUT", body: csv });
  assert.equal(uploaded.status, 200);
  return eventually("the import ends", () =>
    received
      .map(({ body }) => MetriportMedicalApi.parseWebhookResponse(JSON.parse(body)))
      .find(
        ({ meta, bulkPatientCreate }) =>
          meta.requestId === job.requestId && ["completed", "failed"].includes(bulkPatientCreate?.status)
      )
  );
}

/** Whether a call is refused with this status and these words. */
function refusal(status, detail) {
  return (error) => error.response?.status === status && detail.test(error.response.data.detail);
}

before(async () => {
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
});
after(() => receiver.close());

test("a facility that an operator made is listed and read", async () => {
  const [made, ...others] = await client.listFacilities();
  assert.deepEqual(others, []);
  assert.equal(made.address.city, "Boston");
  assert.deepEqual(await client.getFacility(made.id), made);
  patients.facility = made.id;
});

test("a facility is added, with what can be left out of it and without", async () => {
  const address = { addressLine1: "2 Main St", city: "San Juan", state: "PR", zip: "00901", country: "USA" };
  const least = await client.createFacility({ name: "Least", npi: "1245319599", address });
  assert.equal(least.active, true);
  const most = await client.createFacility({
    name: "Most",
    npi: "1245319599",
    tin: "12-3456789",
    active: false,
    address: { ...address, addressLine2: "Floor 3" },
  });
  assert.deepEqual(await client.getFacility(most.id), most);
  assert.equal((await client.listFacilities()).length, 3);
  patients.otherFacility = most.id;
});

test("the settings are read, and a webhook URL is set, pinged and looked after", async () => {
  assert.deepEqual(
    (({ webhookUrl, webhookKey }) => ({ webhookUrl, webhookKey }))(await client.getSettings()),
    { webhookUrl: null, webhookKey: null }
  );
  settings = await client.updateSettings(`http://127.0.0.1:${receiver.address().port}/hook`);
  assert.deepEqual(await client.getSettings(), settings);
  const [{ body, signature }] = received;
  assert.equal(MetriportMedicalApi.parseWebhookResponse(JSON.parse(body)).meta.type, "ping");
  assert.ok(client.verifyWebhookSignature(settings.webhookKey, body, signature));
  const status = await client.getWebhookStatus();
  assert.equal(status.webhookEnabled, true);
  assert.deepEqual([status.webhookRequestsProcessing, status.webhookRequestsFailed], [0, 0]);
  await client.retryWebhookRequests();
});

test("the webhooks of an import, good or bad, are parsed and verified", async () => {
  const { id: cohort } = await call("POST", "/medical/v1/cohort", { name: "Some", color: "green" });
  patients.cohort = cohort;
  const header =
    "externalId,firstName,lastName,dob,gender,addressLine1,city,state,zip,phone,email,ssn," +
    "driversLicenceNo,driversLicenceState,cohort,facilityId\n";
  const home = "1 Main St,Boston,MA,02110";
  const rows = [
    `sdk-1,Ottoline,Sdkone,1961-12-01,F,${home},6175550123,otto@example.com,078-05-1121,S99988801,MA,${cohort},`,
    `sdk-2,Algernon,Sdktwo,1985-02-16,M,${home},,,,,,${cohort},`,
    `sdk-2,Algernon,Sdktwo,1985-02-16,M,${home},,,,,,,${patients.otherFacility}`,
  ];
  assert.equal((await call("POST", "/settings", { patientWebhooks: true })).webhookUrl, settings.webhookUrl);
  const { bulkPatientCreate } = await importFile(`${header}${rows.join("\n")}\n`);
  assert.equal(bulkPatientCreate.status, "completed");
  assert.equal((await fetch(bulkPatientCreate.result)).status, 200);
  assert.equal((await importFile("no,patients\n1,2\n")).bulkPatientCreate.status, "failed");
  const messages = received.map(({ body }) => MetriportMedicalApi.parseWebhookResponse(JSON.parse(body)));
  const told = messages.filter(({ meta }) => meta.type === "medical.document-download").flatMap(({ patients }) => patients);
  assert.deepEqual(told.map(({ externalId }) => externalId).sort(), ["sdk-1", "sdk-2"]);
  assert.ok(told.every(({ status }) => status === "completed"));
  // The sandbox has documents of sdk-2. The SDK's parser drops the links, which are an addition of this service.
  const sent = received.map(({ body }) => JSON.parse(body)).flatMap(({ patients }) => patients ?? []);
  const linked = sent.flatMap(({ documents }) => documents);
  assert.ok(linked.length > 0 && linked.every(({ url }) => url.includes("/medical/v1/document/download?")));
  for (const { body, signature } of received) {
    assert.ok(client.verifyWebhookSignature(settings.webhookKey, body, signature), body);
  }
});

test("patients are read by id, by external id, and by their demographics", async () => {
  for (const externalId of ["sdk-1", "sdk-2"]) {
    const patient = await client.getPatientByExternalId(externalId);
    assert.equal(patient.externalId, externalId);
    patientSchema.parse(patient);
    assert.deepEqual(await client.getPatient(patient.id), patient);
    const { firstName, lastName, dob, genderAtBirth, address } = patient;
    assert.deepEqual(await client.matchPatient({ firstName, lastName, dob, genderAtBirth, address }), patient);
    patients[externalId] = patient;
  }
  const { dob, genderAtBirth, address } = patients["sdk-1"];
  const stranger = { firstName: "Never", lastName: "Seen", dob, genderAtBirth, address };
  assert.equal(await client.matchPatient(stranger), undefined);
});

test("patients are listed page by page, of a facility, and of a cohort", async () => {
  const first = await client.listPatients({ pagination: { count: 1 } });
  assert.equal(first.meta.itemsOnPage, 1);
  const second = await client.listPatientsPage(first.meta.nextPage);
  assert.equal(second.meta.nextPage, undefined);
  const ids = [...first.patients, ...second.patients].map((patient) => patient.externalId);
  assert.deepEqual(ids.sort(), ["sdk-1", "sdk-2"]);
  const there = await client.listPatients({ facilityId: patients.otherFacility });
  assert.deepEqual(there.patients.map((patient) => patient.externalId), ["sdk-2"]);
  const inCohort = await client.listPatientsInCohort({ id: patients.cohort, pagination: { count: 1 } });
  const restOfCohort = await client.getCohortPatientsPage(inCohort.meta.nextPage);
  assert.equal(inCohort.patients.length + restOfCohort.patients.length, 2);
  for (const page of [first, second, there, inCohort, restOfCohort]) patientListSchema.parse(page);
  assert.deepEqual((await client.listPatientsPage(second.meta.prevPage)).patients, first.patients);
});

test("patients are found by words of their names, their dates of birth and their ids", async () => {
  const found = async (filters) => {
    const { patients } = await client.listPatients({ filters });
    return patients.map((patient) => patient.externalId).sort();
  };
  assert.deepEqual(await found("ottoline"), ["sdk-1"]);
  assert.deepEqual(await found("sdkone or sdktwo"), ["sdk-1", "sdk-2"]);
  assert.deepEqual(await found('"algernon sdktwo" 1985'), ["sdk-2"]);
  assert.deepEqual(await found("1961-12-01"), ["sdk-1"]);
  assert.deepEqual(await found("sdk-2"), ["sdk-2"]);
  assert.deepEqual(await found("algernon -sdktwo"), []);
});

test("what this service cannot be told is refused rather than ignored", async () => {
  await assert.rejects(client.getPatientByExternalId("sdk-1", "elation"), refusal(400, /source/));
  const { id } = patients["sdk-1"];
  const elsewhere = { hie: { carequality: { exclude: true } } };
  await assert.rejects(client.startDocumentQuery(id, undefined, elsewhere), refusal(400, /hie/));
  await assert.rejects(client.listDocuments(id, { content: "summary" }), refusal(400, /content/));
});

test("cohorts are listed and read with their sizes", async () => {
  const { cohorts } = await client.listCohorts();
  assert.deepEqual(cohorts.map(({ id, size }) => ({ id, size })), [{ id: patients.cohort, size: 2 }]);
  assert.deepEqual(await client.getCohort(patients.cohort), cohorts[0]);
});

test("a patient is corrected, and found by what it is then", async () => {
  const { id } = patients["sdk-1"];
  const patient = await client.getPatient(id);
  const corrected = await client.updatePatient({ ...patient, lastName: "Correctly" }, patients.facility);
  assert.deepEqual([corrected.id, corrected.lastName, corrected.cohortIds], [id, "Correctly", patient.cohortIds]);
  assert.deepEqual(await client.getPatient(id), corrected);
  await assert.rejects(client.updatePatient({ ...patient, lastName: "Late" }), refusal(412, /changed/));
  const { firstName, lastName, dob, genderAtBirth, address } = corrected;
  assert.equal((await client.matchPatient({ firstName, lastName, dob, genderAtBirth, address })).id, id);
  assert.equal(await client.matchPatient({ firstName, lastName: "Sdkone", dob, genderAtBirth, address }), undefined);
  assert.deepEqual((await client.listPatients({ filters: "correctly" })).patients.map((found) => found.id), [id]);
});

test("cohorts and facilities are changed, and deleted when they have no patients", async () => {
  const cohort = await client.getCohort(patients.cohort);
  const changed = await client.updateCohort({ ...cohort, description: "Changed", color: "blue" });
  assert.deepEqual([changed.id, changed.description, changed.color], [cohort.id, "Changed", "blue"]);
  await assert.rejects(client.updateCohort({ id: cohort.id, eTag: cohort.eTag, name: "Late" }), refusal(412, /changed/));
  const { id } = patients["sdk-1"];
  await assert.rejects(client.deleteCohort(cohort.id), refusal(400, /patients/));
  const left = await client.removePatientsFromCohort({ cohortId: cohort.id, patientIds: [id] });
  assert.equal(left.cohort.size, 1);
  assert.deepEqual((await client.listCohortsForPatient(id)).cohorts, []);
  assert.equal((await client.addPatientToCohorts(id, [cohort.id])).cohorts[0].size, 2);
  const none = await client.removePatientsFromCohort({ cohortId: cohort.id, allPatients: true });
  assert.equal(none.cohort.size, 0);
  const all = await client.addPatientsToCohort({ cohortId: cohort.id, allPatients: true });
  assert.equal(all.cohort.size, 2);
  assert.equal((await client.listPatientsInCohort({ id: cohort.id })).patients.length, 2);
  const other = await call("POST", "/medical/v1/cohort", { name: "Empty" });
  await client.deleteCohort(other.id);
  await assert.rejects(client.getCohort(other.id), refusal(404, /cohort/));

  const facility = await client.getFacility(patients.otherFacility);
  const renamed = await client.updateFacility({ ...facility, name: "Renamed" });
  assert.equal(renamed.name, "Renamed");
  await assert.rejects(client.updateFacility({ ...facility, name: "Late" }), refusal(412, /changed/));
  await assert.rejects(client.deleteFacility(facility.id), refusal(400, /patients/));
  const { npi, address } = facility;
  const unused = await client.createFacility({ name: "Unused", npi, address });
  await client.deleteFacility(unused.id, unused.eTag);
  await assert.rejects(client.getFacility(unused.id), refusal(404, /facility/));
});

test("a document query is started by the patient's only facility, watched, and its documents are read", async () => {
  const { id } = patients["sdk-1"];
  const started = await client.startDocumentQuery(id);
  assert.equal(started.download.status, "processing");
  const ended = await eventually("the query ends", async () => {
    const query = await client.getDocumentQueryStatus(id);
    return query.download?.status === "processing" ? undefined : query;
  });
  assert.equal(ended.requestId, started.requestId);
  assert.equal(ended.download.status, "completed");
  const { documents } = await client.listDocuments(id);
  assert.ok(documents.length > 0, "the sandbox knows the corrected patient");
  assert.equal(documents.length, ended.download.successful ?? 0);
  const dtos = await client.listDocumentsAsDTO(id);
  assert.deepEqual(
    dtos.map((dto) => [dto.id, dto.fileName]),
    documents.map((document) => [document.id, document.content[0].attachment.title])
  );
  for (const document of documents) {
    assert.equal(document.resourceType, "DocumentReference");
    const { url } = await eventually("the document is fetched", () =>
      client.getDocumentUrl(document.content[0].attachment.title).catch((error) => {
        assert.equal(error.response?.status, 503);
      })
    );
    assert.equal((await fetch(url)).headers.get("content-type"), document.content[0].attachment.contentType);
  }
  assert.deepEqual((await client.listDocuments(id, { dateTo: "1999-12-31" })).documents, []);
  assert.equal((await client.listDocuments(id, { count: 1000 })).documents.length, documents.length);
});

test("all documents of a patient are downloaded by the links of one webhook", async () => {
  const { id } = patients["sdk-1"];
  const { documents } = await client.listDocuments(id);
  const metadata = { chart: "7731" };
  const started = await client.startBulkGetDocumentUrl(id, metadata);
  assert.equal(started.status, "processing");
  const { meta, patients: told } = await eventually("the links are sent", () =>
    received
      .map(({ body }) => MetriportMedicalApi.parseWebhookResponse(JSON.parse(body)))
      .find(({ meta }) => meta.type === "medical.document-bulk-download-urls" && meta.requestId === started.requestId)
  );
  assert.deepEqual(meta.data, metadata);
  assert.deepEqual([told.length, told[0].patientId, told[0].status], [1, id, "completed"]);
  const names = (all) => all.map((document) => document.id).sort();
  assert.deepEqual(names(told[0].documents), names(documents));
  for (const { url, mimeType } of told[0].documents) {
    const content = await fetch(url);
    assert.deepEqual([content.status, content.headers.get("content-type")], [200, mimeType]);
  }
  const ended = await call("GET", `/medical/v1/document/download-url/bulk?patientId=${id}`);
  assert.deepEqual([ended.requestId, ended.status, ended.successful], [started.requestId, "completed", documents.length]);
  const next = await client.startBulkGetDocumentUrl(id);
  assert.notEqual(next.requestId, started.requestId);
});

test("a patient is opted out and in again", async () => {
  const { id } = patients["sdk-1"];
  for (const hieOptOut of [true, false]) {
    const told = await client.updatePatientHieOptOut(id, hieOptOut);
    assert.deepEqual([told.id, told.hieOptOut, typeof told.message], [id, hieOptOut, "string"]);
  }
  assert.deepEqual((await client.listDocuments(id)).documents, []);
});

test("a patient with several facilities needs one of them to be named, which has to be the customer's", async () => {
  const { id } = patients["sdk-2"];
  await assert.rejects(client.startDocumentQuery(id), refusal(400, /facility/));
  await client.startDocumentQuery(id, patients.otherFacility);
  const foreign = "01999999-9999-7999-8999-999999999999";
  await assert.rejects(client.startDocumentQuery(id, foreign), refusal(404, /facility/));
});

test("a patient is deleted", async () => {
  const { id } = patients["sdk-2"];
  await client.deletePatient(id, patients.otherFacility);
  await assert.rejects(client.getPatient(id), refusal(404, /patient/));
});

test("the guide says of every method whether it works, and each that does not is answered 404 or 405", async () => {
  const [served, others] = await methodsOfGuide();
  const own = Object.getOwnPropertyDescriptors(MetriportMedicalApi.prototype);
  const methods = Object.keys(own).filter((name) => name !== "constructor" && typeof own[name].value === "function");
  assert.deepEqual([...served, ...others].sort(), methods.sort());
  assert.deepEqual(served.filter((name) => !succeeded.has(name)), [], "methods that were not called");
  const { id } = patients["sdk-1"];
  /** The arguments of methods that take another first one than an id. */
  const page = [`${API_URL}/medical/v1/message?count=1`];
  const given = { listNetworkEntriesPage: page, listMessagesPage: page, listNetworkEntries: [{}], listMessages: [{}] };
  for (const name of ["startNetworkQuery", "getNetworkQueryStatus"]) given[name] = [{ patientId: id, sources: ["hie"] }];
  for (const name of ["createOrganization", "sendMessage", "createEmbedToken", "createPatient"]) given[name] = [{}, id];
  given.updateOrganization = [{ id }];
  for (const name of others) {
    const error = await client[name](...(given[name] ?? [id, []])).then(() => undefined, (error) => error);
    const { status, data } = error?.response ?? {};
    assert.ok([404, 405].includes(status), `${name}: ${status} ${error}`);
    assert.equal(data.status, status, name);
  }
});
