export { writeAtomic } from './atomic.ts';
export {
  encodeSafetensors,
  type HostTensor,
  loadSafetensors,
  parseSafetensors,
  readSafetensors,
  type SafetensorsFile,
  saveSafetensors,
} from './safetensors.ts';
