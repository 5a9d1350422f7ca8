import { SETUPS } from "./_servers.ts";
import { testSetup } from "./_suite.ts";

await testSetup(SETUPS.caddy);
