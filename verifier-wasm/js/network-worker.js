// The script of sphere-pow/network's worker.

import { glue } from './network-glue.js';
import { NetworkHost } from './network-host.js';
import { Runtime } from './runtime.js';
import { serve } from './serve.js';

const runtime = new Runtime(glue);
serve(runtime, new NetworkHost(runtime));
