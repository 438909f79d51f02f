"""The native driver, as LLVM text: runs a plan's records step after step on all threads, with barriers between them.

    plan     i64 stop, agreed, count, padding to 64 bytes, then `count` records {function, arguments, flags, 0} of 4 i64
    flags    1 barrier after it   2 thread 0 only   4 Python code: the caller's floating-point mode during the call
    pool     one per process, in the module's own memory; a cache line for every word that threads fight over

Every worker has a ticket of its own, and only those that a job needs are given the next number: the others never look at a
job that may already be another one. A thread that waits spins SPIN times and then yields; a worker without a job spins IDLE times and then sleeps.
`stop` may be set at any time by a record of thread 0. It takes effect at a barrier: the last thread to arrive copies it
to `agreed` before it lets the others go, so that all threads leave at the same barrier.
"""

from __future__ import annotations

from millstream.core.machine import Machine

SPIN, IDLE = 200, 2000
SYMBOLS = ("ms_run", "ms_start_worker", "ms_reset", "ms_barrier")
BARRIER, SOLO, PYTHON = 1, 2, 4
FIRST_RECORD = 8  # in i64 from the plan's start
RECORD = 4

_X86 = """
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)
declare void @llvm.x86.sse2.pause()
declare i64 @llvm.readcyclecounter()
define internal i64 @get_mode() nounwind {
  %p = alloca i32, align 8
  call void @llvm.x86.sse.stmxcsr(ptr %p)
  %v = load i32, ptr %p, align 8
  %w = zext i32 %v to i64
  ret i64 %w
}
define internal void @set_mode(i64 %mode) nounwind {
  %p = alloca i32, align 8
  %v = trunc i64 %mode to i32
  store i32 %v, ptr %p, align 8
  call void @llvm.x86.sse.ldmxcsr(ptr %p)
  ret void
}
define internal void @relax() nounwind {
  call void @llvm.x86.sse2.pause()
  ret void
}
define internal i64 @cycles() nounwind {
  %v = call i64 @llvm.readcyclecounter()
  ret i64 %v
}
"""
_ARM = """
declare i64 @llvm.aarch64.get.fpcr()
declare void @llvm.aarch64.set.fpcr(i64)
declare void @llvm.aarch64.hint(i32)
declare i64 @llvm.read_volatile_register.i64(metadata)
define internal i64 @get_mode() nounwind {
  %v = call i64 @llvm.aarch64.get.fpcr()
  ret i64 %v
}
define internal void @set_mode(i64 %mode) nounwind {
  call void @llvm.aarch64.set.fpcr(i64 %mode)
  ret void
}
define internal void @relax() nounwind {
  call void @llvm.aarch64.hint(i32 1)
  ret void
}
define internal i64 @cycles() nounwind {
  %v = call i64 @llvm.read_volatile_register.i64(metadata !0)
  ret i64 %v
}
!0 = !{!"cntvct_el0"}
"""

# get_mode OR this: denormal results and operands count as zero (x86 FTZ and DAZ; ARM FZ).
_FLUSH_X86, _FLUSH_ARM = 0x8040, 1 << 24

_EXECUTE = """
define internal i64 @execute(i64 %thread, i64 %threads, ptr %plan, i64 %first, i64 %steps, ptr %times) nounwind {
entry:
  %usual = call i64 @get_mode()
  %flushing = or i64 %usual, FLUSH
  call void @set_mode(i64 %flushing)
  %count.at = getelementptr i64, ptr %plan, i64 2
  %count = load i64, ptr %count.at, align 8
  %end = add i64 %first, %steps
  %leader = icmp eq i64 %thread, 0
  %timed.any = icmp ne ptr %times, null
  %timed = and i1 %leader, %timed.any
  %alone = icmp eq i64 %threads, 1
  br label %step.test
step.test:
  %step = phi i64 [%first, %entry], [%step.next, %step.done]
  br i1 %timed, label %stamp, label %step.more
stamp:
  %now = call i64 @cycles()
  %nth = sub i64 %step, %first
  %slot = getelementptr i64, ptr %times, i64 %nth
  store i64 %now, ptr %slot, align 8
  br label %step.more
step.more:
  %go = icmp slt i64 %step, %end
  br i1 %go, label %record.test, label %leave
record.test:
  %r = phi i64 [0, %step.more], [%r.next, %record.done]
  %some = icmp slt i64 %r, %count
  br i1 %some, label %record, label %step.done
record:
  %r4 = shl i64 %r, 2
  %at = add i64 %r4, 8
  %fn.at = getelementptr i64, ptr %plan, i64 %at
  %fn = load ptr, ptr %fn.at, align 8
  %args.at = getelementptr i64, ptr %fn.at, i64 1
  %args = load ptr, ptr %args.at, align 8
  %flags.at = getelementptr i64, ptr %fn.at, i64 2
  %flags = load i64, ptr %flags.at, align 8
  %solo.bit = and i64 %flags, 2
  %everyone = icmp eq i64 %solo.bit, 0
  %mine = or i1 %everyone, %leader
  br i1 %mine, label %call.which, label %called
call.which:
  %python.bit = and i64 %flags, 4
  %python = icmp ne i64 %python.bit, 0
  br i1 %python, label %call.python, label %call.native
call.native:
  call void %fn(i64 %thread, i64 %threads, i64 %step, ptr %args)
  br label %called
call.python:
  call void @set_mode(i64 %usual)
  call void %fn(i64 %thread, i64 %threads, i64 %step, ptr %args)
  call void @set_mode(i64 %flushing)
  br label %called
called:
  br i1 %alone, label %check.alone, label %check.barrier
check.alone:
  %stop = load volatile i64, ptr %plan, align 8
  %stopped.alone = icmp ne i64 %stop, 0
  br i1 %stopped.alone, label %leave, label %record.done
check.barrier:
  %barrier.bit = and i64 %flags, 1
  %has.barrier = icmp ne i64 %barrier.bit, 0
  br i1 %has.barrier, label %wait, label %record.done
wait:
  call void @barrier(i64 %threads, ptr %plan)
  %agreed.at = getelementptr i64, ptr %plan, i64 1
  %agreed = load volatile i64, ptr %agreed.at, align 8
  %stopped = icmp ne i64 %agreed, 0
  br i1 %stopped, label %leave, label %record.done
record.done:
  %r.next = add i64 %r, 1
  br label %record.test
step.done:
  %step.next = add i64 %step, 1
  br label %step.test
leave:
  call void @set_mode(i64 %usual)
  %done = sub i64 %step, %first
  ret i64 %done
}
"""

_BARRIER = """define internal void @barrier(i64 %threads, ptr %plan) nounwind {
entry:
  %seen = load atomic i64, ptr @turn acquire, align 8
  %before = atomicrmw add ptr @arrived, i64 1 acq_rel
  %mine = add i64 %before, 1
  %last = icmp eq i64 %mine, %threads
  br i1 %last, label %release, label %spin
release:
  %has.plan = icmp ne ptr %plan, null
  br i1 %has.plan, label %agree, label %open
agree:
  %stop = load volatile i64, ptr %plan, align 8
  %agreed.at = getelementptr i64, ptr %plan, i64 1
  store volatile i64 %stop, ptr %agreed.at, align 8
  br label %open
open:
  store atomic i64 0, ptr @arrived monotonic, align 8
  %next = add i64 %seen, 1
  store atomic i64 %next, ptr @turn release, align 8
  ret void
spin:
  %n = phi i64 [0, %entry], [%n.next, %again]
  %now = load atomic i64, ptr @turn acquire, align 8
  %open.now = icmp ne i64 %now, %seen
  br i1 %open.now, label %through, label %again
again:
  %n.next = add i64 %n, 1
  call void @pause_or_yield(i64 %n)
  br label %spin
through:
  ret void
}
define internal void @pause_or_yield(i64 %n) nounwind {
  %short = icmp slt i64 %n, SPIN
  br i1 %short, label %pause, label %give
pause:
  call void @relax()
  ret void
give:
  %ignored = call i32 @sched_yield()
  ret void
}
define void @ms_barrier(i64 %thread, i64 %threads) nounwind {
  %alone = icmp eq i64 %threads, 1
  br i1 %alone, label %out, label %wait
wait:
  call void @barrier(i64 %threads, ptr null)
  br label %out
out:
  ret void
}
"""

_POOL = """
declare i32 @sched_yield()
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_broadcast(ptr)
declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_detach(ptr)
declare ptr @memset(ptr, i32, i64)
@turn = internal global i64 0, align 128
@arrived = internal global i64 0, align 128
@tickets = internal global [256 x [16 x i64]] zeroinitializer, align 128
@sleepers = internal global i64 0, align 128
@finished = internal global i64 0, align 128
@job = internal global [8 x i64] zeroinitializer, align 128
@mutex = internal global [256 x i8] zeroinitializer, align 128
@bell = internal global [256 x i8] zeroinitializer, align 128

define void @ms_reset() nounwind {
  store i64 0, ptr @turn, align 8
  store i64 0, ptr @arrived, align 8
  %z = call ptr @memset(ptr @tickets, i32 0, i64 32768)
  store i64 0, ptr @sleepers, align 8
  store i64 0, ptr @finished, align 8
  %a = call i32 @pthread_mutex_init(ptr @mutex, ptr null)
  %b = call i32 @pthread_cond_init(ptr @bell, ptr null)
  ret void
}
define i64 @ms_start_worker(i64 %thread) nounwind {
  %handle = alloca i64, align 8
  %argument = inttoptr i64 %thread to ptr
  %failed = call i32 @pthread_create(ptr %handle, ptr null, ptr @worker, ptr %argument)
  %ok = icmp eq i32 %failed, 0
  br i1 %ok, label %detach, label %out
detach:
  %h = load ptr, ptr %handle, align 8
  %ignored = call i32 @pthread_detach(ptr %h)
  br label %out
out:
  %wide = zext i32 %failed to i64
  ret i64 %wide
}
define internal ptr @worker(ptr %argument) nounwind {
entry:
  %thread = ptrtoint ptr %argument to i64
  %ticket = getelementptr [16 x i64], ptr @tickets, i64 %thread
  br label %idle
idle:
  %seen = phi i64 [0, %entry], [%now, %idle]
  %now = call i64 @next_job(ptr %ticket, i64 %seen)
  %threads.at = getelementptr i64, ptr @job, i64 3
  %threads = load i64, ptr %threads.at, align 8
  %plan = load ptr, ptr @job, align 8
  %first.at = getelementptr i64, ptr @job, i64 1
  %first = load i64, ptr %first.at, align 8
  %steps.at = getelementptr i64, ptr @job, i64 2
  %steps = load i64, ptr %steps.at, align 8
  %done = call i64 @execute(i64 %thread, i64 %threads, ptr %plan, i64 %first, i64 %steps, ptr null)
  %ignored = atomicrmw add ptr @finished, i64 1 acq_rel
  br label %idle
}
define internal i64 @next_job(ptr %ticket, i64 %seen) nounwind {
entry:
  br label %spin
spin:
  %n = phi i64 [0, %entry], [%n.next, %again]
  %now = load atomic i64, ptr %ticket acquire, align 8
  %new = icmp ne i64 %now, %seen
  br i1 %new, label %got, label %tired
tired:
  %long = icmp sgt i64 %n, IDLE
  br i1 %long, label %sleep, label %again
again:
  %n.next = add i64 %n, 1
  call void @relax()
  br label %spin
got:
  ret i64 %now
sleep:
  %a = call i32 @pthread_mutex_lock(ptr @mutex)
  %b = atomicrmw add ptr @sleepers, i64 1 seq_cst
  br label %check
check:
  %later = load atomic i64, ptr %ticket seq_cst, align 8
  %rung = icmp ne i64 %later, %seen
  br i1 %rung, label %awake, label %doze
doze:
  %c = call i32 @pthread_cond_wait(ptr @bell, ptr @mutex)
  br label %check
awake:
  %d = atomicrmw sub ptr @sleepers, i64 1 seq_cst
  %e = call i32 @pthread_mutex_unlock(ptr @mutex)
  ret i64 %later
}
define internal void @publish(ptr %plan, i64 %first, i64 %steps, i64 %threads) nounwind {
entry:
  store ptr %plan, ptr @job, align 8
  %first.at = getelementptr i64, ptr @job, i64 1
  store i64 %first, ptr %first.at, align 8
  %steps.at = getelementptr i64, ptr @job, i64 2
  store i64 %steps, ptr %steps.at, align 8
  %threads.at = getelementptr i64, ptr @job, i64 3
  store i64 %threads, ptr %threads.at, align 8
  store atomic i64 0, ptr @finished monotonic, align 8
  br label %hand.out
hand.out:
  %t = phi i64 [1, %entry], [%t.next, %hand.out]
  %ticket = getelementptr [16 x i64], ptr @tickets, i64 %t
  %x = atomicrmw add ptr %ticket, i64 1 seq_cst
  %t.next = add i64 %t, 1
  %more = icmp slt i64 %t.next, %threads
  br i1 %more, label %hand.out, label %handed.out
handed.out:
  %asleep = load atomic i64, ptr @sleepers seq_cst, align 8
  %any = icmp sgt i64 %asleep, 0
  br i1 %any, label %ring, label %out
ring:
  %a = call i32 @pthread_mutex_lock(ptr @mutex)
  %b = call i32 @pthread_cond_broadcast(ptr @bell)
  %c = call i32 @pthread_mutex_unlock(ptr @mutex)
  br label %out
out:
  ret void
}
define internal i64 @together(ptr %plan, i64 %first, i64 %steps, i64 %threads, ptr %times) nounwind {
entry:
  call void @publish(ptr %plan, i64 %first, i64 %steps, i64 %threads)
  %done = call i64 @execute(i64 0, i64 %threads, ptr %plan, i64 %first, i64 %steps, ptr %times)
  %others = sub i64 %threads, 1
  br label %spin
spin:
  %n = phi i64 [0, %entry], [%n.next, %again]
  %finished = load atomic i64, ptr @finished acquire, align 8
  %all = icmp eq i64 %finished, %others
  br i1 %all, label %out, label %again
again:
  %n.next = add i64 %n, 1
  call void @pause_or_yield(i64 %n)
  br label %spin
out:
  ret i64 %done
}
"""

_SINGLE = """
define void @ms_reset() nounwind {
  ret void
}
define i64 @ms_start_worker(i64 %thread) nounwind {
  ret i64 1
}
define void @ms_barrier(i64 %thread, i64 %threads) nounwind {
  ret void
}
define internal void @barrier(i64 %threads, ptr %plan) nounwind {
  ret void
}
define internal i64 @together(ptr %plan, i64 %first, i64 %steps, i64 %threads, ptr %times) nounwind {
  %done = call i64 @execute(i64 0, i64 1, ptr %plan, i64 %first, i64 %steps, ptr %times)
  ret i64 %done
}
"""

_RUN = """
define i64 @ms_run(ptr %plan, i64 %first, i64 %steps, i64 %threads, ptr %times) nounwind {
entry:
  store i64 0, ptr %plan, align 8
  %agreed.at = getelementptr i64, ptr %plan, i64 1
  store i64 0, ptr %agreed.at, align 8
  %alone = icmp sle i64 %threads, 1
  br i1 %alone, label %single, label %many
single:
  %one = call i64 @execute(i64 0, i64 1, ptr %plan, i64 %first, i64 %steps, ptr %times)
  ret i64 %one
many:
  %all = call i64 @together(ptr %plan, i64 %first, i64 %steps, i64 %threads, ptr %times)
  ret i64 %all
}
"""


def externals(pool: bool) -> tuple[str, ...]:
    """The C functions that the driver calls."""
    text = _POOL if pool else _SINGLE
    return tuple(part.split("(", 1)[0] for part in text.split("declare ")[1:] for part in [part.split("@", 1)[1]])


def driver_text(target: Machine, pool: bool) -> str:
    """The driver's module for a machine; without `pool` (no POSIX threads) it always runs one thread."""
    arm = target.name == "neon"
    execute = _EXECUTE.replace("FLUSH", str(_FLUSH_ARM if arm else _FLUSH_X86))
    parts = [f'target triple = "{target.triple}"', _ARM if arm else _X86, execute]
    parts.append(_BARRIER.replace("SPIN", str(SPIN)) + _POOL.replace("IDLE", str(IDLE)) if pool else _SINGLE)
    return "\n".join([*parts, _RUN])
