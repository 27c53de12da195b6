// The script of sphere-pow/train's worker.

import { Runtime } from './runtime.js';
import { serve } from './serve.js';
import { glue } from './train-glue.js';
import { TrainHost } from './train-host.js';

const runtime = new Runtime(glue);
serve(runtime, new TrainHost(runtime));
