// The filter's scanner of job bodies alone, with memory that a test can write to.
export {
  beginJob,
  JOB_CONFLICT,
  JOB_LOOKING,
  JOB_NONE,
  JOB_STATE_BYTES,
  JOB_TEXT,
  jobValue,
  jobValueLength,
  scanJob,
} from "../../../assembly/job-body";

export function alloc(size: usize): usize {
  return heap.alloc(size);
}
