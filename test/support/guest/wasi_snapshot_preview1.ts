// asc names the import module of a bare `declare` after its file: hence this file's name.
export declare function fd_write(fd: u32, iovec: usize, count: u32, written: usize): u32;
export declare function fd_read(fd: u32, iovec: usize, count: u32, read: usize): u32;
export declare function fd_seek(fd: u32, offset: i64, whence: u32, newOffset: usize): u32;
export declare function fd_close(fd: u32): u32;
export declare function fd_fdstat_get(fd: u32, fdstat: usize): u32;
export declare function clock_time_get(clock: u32, ignored: u64, time: usize): u32;
export declare function random_get(buffer: usize, size: u32): u32;
export declare function environ_sizes_get(count: usize, size: usize): u32;
export declare function environ_get(array: usize, buffer: usize): u32;
export declare function args_sizes_get(count: usize, size: usize): u32;
export declare function args_get(array: usize, buffer: usize): u32;
export declare function proc_exit(code: u32): void;
