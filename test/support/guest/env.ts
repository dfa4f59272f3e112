// asc names the import module of a bare `declare` after its file: hence this file's name.
export declare function pthread_equal(left: u32, right: u32): u32;
export declare function emscripten_notify_memory_growth(index: u32): void;
