/** Client of a Heliograph gateway. */
export type { components } from "./generated/gateway.js";
