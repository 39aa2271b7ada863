// Prints what the HIPAA pack of cdk-nag finds in a template without parameters: [{rule, description, resources}].

import { App, Stack } from "aws-cdk-lib";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";
import { HIPAASecurityChecks } from "cdk-nag";

const [file] = process.argv.slice(2);
const app = new App();
new CfnInclude(new Stack(app, "Stack"), "Template", { templateFile: file });
const report = new HIPAASecurityChecks(app).validateScope(app);
const findings = report.violations.map((violation) => ({
  rule: violation.ruleName,
  description: violation.description,
  resources: violation.violatingResources.map((resource) => resource.constructPath.split("/").at(-1)),
}));
console.log(JSON.stringify(findings));
