// The script of sphere-pow/transcript's worker.

import { Runtime } from './runtime.js';
import { serve } from './serve.js';
import { glue } from './transcript-glue.js';
import { TranscriptHost } from './transcript-host.js';

const runtime = new Runtime(glue);
serve(runtime, new TranscriptHost(runtime));
