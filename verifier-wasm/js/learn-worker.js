// The script of sphere-pow/learn's worker.

import { glue } from './learn-glue.js';
import { LearnHost } from './learn-host.js';
import { Runtime } from './runtime.js';
import { serve } from './serve.js';

const runtime = new Runtime(glue);
serve(runtime, new LearnHost(runtime));
