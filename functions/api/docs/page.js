"use strict";

// Swagger UI is dark below an element of this class. The page follows the setting of the device.
const dark = matchMedia("(prefers-color-scheme: dark)");
const followDevice = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", followDevice);
followDevice();

SwaggerUIBundle({
  dom_id: "#reference",
  url: "openapi.json",
  deepLinking: true,
  // Without it, Swagger UI may send the description to validator.swagger.io.
  validatorUrl: null,
});
