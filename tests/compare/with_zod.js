// Checks the rows of a CSV file with csv-parser and zod: `with_zod.js FILE RESULT STATES`.
//
// It does what its author needs an afternoon for: required columns, and a rule for each of them. It expects exactly
// the header below. It does not understand other headers, separators and encodings, does not notice a row that
// swallows the next one after a missing quote, and knows no placeholders (`none`), damaged text, warnings, second
// addresses or duplicate rows.

import { createReadStream, createWriteStream, readFileSync } from "node:fs";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import csv from "csv-parser";
import { z } from "zod";

const [file, result, states] = process.argv.slice(2);
const STATES = new Map(Object.entries(JSON.parse(readFileSync(states, "utf8"))));
const GENDERS = { m: "M", male: "M", f: "F", female: "F", o: "O", other: "O", u: "U", unknown: "U" };
const TODAY = new Date().toISOString().slice(0, 10);

const text = z.string().trim();
const name = text.regex(/\p{L}/u, "no letter");

/** Reads a text with `read`, which returns undefined for what it does not accept. */
const read = (problem, read) =>
  text.transform((cell, context) => {
    const value = read(cell);
    if (value === undefined) context.addIssue({ code: "custom", message: problem });
    return value ?? z.NEVER;
  });
const optional = (problem, accept) => read(problem, (cell) => (cell === "" ? null : accept(cell)));

/** Reads a date with the year first, or the month first. */
function birthDate(cell) {
  const yearFirst = /^(\d{4})([-/]?)(\d\d?)\2(\d\d?)(?:T.*)?$/.exec(cell);
  const yearLast = /^(\d\d?)([-/])(\d\d?)\2(\d{4})$/.exec(cell);
  const [year, month, day] = yearFirst
    ? [yearFirst[1], yearFirst[3], yearFirst[4]]
    : yearLast
      ? [yearLast[4], yearLast[1], yearLast[3]]
      : [];
  if (!year) return undefined;
  const iso = `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  const date = new Date(`${iso}T00:00:00Z`);
  // JavaScript takes February 30 for a day in March.
  const exists = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(iso);
  return exists && iso >= "1900-01-01" && iso <= TODAY ? iso : undefined;
}

/** Cuts a zip code to five digits, and restores the leading zeros that a spreadsheet dropped. */
function zipCode(cell) {
  const digits = /^(\d{3,5})(?:-\d{4})?$/.exec(cell)?.[1];
  return digits === "00000" ? undefined : digits?.padStart(5, "0");
}

/** Reads ten digits with any punctuation, and drops an extension. */
function phone(cell) {
  const digits = cell.replace(/(?:x|ext\.?)\s*\d+\s*$/i, "").replace(/\D/g, "");
  return /^1?(\d{10})$/.exec(digits)?.[1];
}

/** Reads nine digits that can have been issued. */
function ssn(cell) {
  const found = /^(?!000|666|9)(\d{3})-?(?!00)(\d\d)-?(?!0000)(\d{4})$/.exec(cell);
  return found?.slice(1).join("");
}

const Patient = z.object({
  externalId: text.max(255),
  "First Name": name,
  "Last Name": name,
  DOB: read("not a date", birthDate),
  Gender: read("not a gender", (cell) => GENDERS[cell.toLowerCase()]),
  "Address Line 1": text.min(1),
  "Address Line 2": text,
  City: text.min(1),
  State: read("not a state", (cell) => STATES.get(cell.toUpperCase())),
  Zip: read("not a zip code", zipCode),
  "Phone-1": optional("not a phone number", phone),
  Email: optional("not an email address", (cell) => /^[^@\s,;]+@[^@\s,;]+\.[a-z]{2,}$/i.exec(cell)?.[0].toLowerCase()),
  SSN: optional("not a social security number", ssn),
});

const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
const line = (cells) => `${cells.map(quoted).join(",")}\n`;

let good = 0;
let bad = 0;
const check = new Transform({
  writableObjectMode: true,
  transform(row, _, done) {
    const parsed = Patient.safeParse(row);
    const reason = parsed.error?.issues.map((issue) => `${issue.path[0]}: ${issue.message}`).join("; ") ?? "";
    const header = good + bad === 0 ? line([...Object.keys(row), "status", "reason"]) : "";
    if (parsed.success) good += 1;
    else bad += 1;
    done(null, header + line([...Object.values(row), parsed.success ? "succeeded" : "failed", reason]));
  },
});
await pipeline(createReadStream(file), csv(), check, createWriteStream(result));
console.log(JSON.stringify({ good, bad }));
