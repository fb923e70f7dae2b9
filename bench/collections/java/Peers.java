// SPDX-License-Identifier: MIT
// Java's ConcurrentSkipListMap and ConcurrentLinkedQueue as peers of collections-bench: the same
// workloads, arguments and output (main.c, maps.c, queues.c tell what they are). Keys are boxed at
// the call, as a program's are; the items of the queue are a few objects that exist already.
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

public final class Peers {
    static final int OPERATIONS = 1 << 20, CHUNK = 1024, SAMPLE_EVERY = 32, TRIES = 3;
    static final double WARM_SECONDS = 1; // until the compiler has seen the loops

    static String workload;
    static long seed = 1;
    static double seconds = 0.3;
    static volatile boolean stop;

    // ---- random numbers: wyrand's step, and Zipf's law as in maps.c ----

    static final class Random {
        long state;

        Random(long seed) {
            state = seed;
        }

        /** The upper half of the product of two unsigned numbers (Java 18 has it). */
        static long multiplyHigh(long left, long right) {
            return Math.multiplyHigh(left, right) + (left >> 63 & right) + (right >> 63 & left);
        }

        long next() {
            state += 0xa0761d6478bd642fL;
            long other = state ^ 0xe7037ed1a0b428dbL;
            return multiplyHigh(state, other) ^ state * other;
        }

        long below(long limit) {
            return multiplyHigh(next(), limit);
        }
    }

    static final class Zipf {
        final long count;
        final double zeta, alpha, eta;

        Zipf(long count) {
            this.count = count;
            zeta = zeta(count);
            alpha = 1 / (1 - 0.99);
            eta = (1 - Math.pow(2.0 / count, 1 - 0.99)) / (1 - zeta(2) / zeta);
        }

        static double zeta(long count) {
            double sum = 0;
            for (long i = 1; i <= count; i++)
                sum += Math.pow(1.0 / i, 0.99);
            return sum;
        }

        long next(Random random) {
            double at = (random.next() >>> 11) * 0x1p-53;
            if (at * zeta < 1)
                return 0;
            if (at * zeta < 1 + Math.pow(0.5, 0.99))
                return 1;
            return Math.min(count - 1, (long) (count * Math.pow(eta * at - eta + 1, alpha)));
        }
    }

    // ---- threads that begin together ----

    interface Work {
        long run(int index) throws Exception; // how many operations
    }

    static long cpuNs; // of the last crew, with the collector's threads

    static long processCpuNs() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory
            .getOperatingSystemMXBean()).getProcessCpuTime();
    }

    /** Runs the threads for a time; fills the wall seconds, returns the operations. */
    static long crew(int count, double forSeconds, Work work, double[] wall) throws Exception {
        CyclicBarrier start = new CyclicBarrier(count + 1);
        AtomicLong operations = new AtomicLong();
        Thread[] threads = new Thread[count];
        stop = false;
        for (int i = 0; i < count; i++) {
            int index = i;
            threads[i] = new Thread(() -> {
                try {
                    start.await();
                    operations.addAndGet(work.run(index));
                } catch (Exception problem) {
                    problem.printStackTrace();
                    System.exit(70);
                }
            });
            threads[i].start();
        }
        start.await();
        long begin = System.nanoTime(), cpu = processCpuNs();
        Thread.sleep((long) (forSeconds * 1000));
        stop = true;
        for (Thread thread : threads)
            thread.join();
        wall[0] = (System.nanoTime() - begin) * 1e-9;
        cpuNs = processCpuNs() - cpu;
        return operations.get();
    }

    /** Should the run be done again? As in equipment.c. */
    static boolean lacksCores(int threads, double wall, int tries) {
        int most = Math.min(threads, Runtime.getRuntime().availableProcessors());
        return cpuNs * 1e-9 / wall < 0.9 * most && tries < TRIES;
    }

    // ---- figures ----

    static long[] samples = new long[0];

    static synchronized void addSamples(long[] more, int count) {
        int old = samples.length;
        samples = Arrays.copyOf(samples, old + count);
        System.arraycopy(more, 0, samples, old, count);
    }

    static long clockFloor() {
        long[] spans = new long[10000];
        for (int i = 0; i < spans.length; i++) {
            long start = System.nanoTime();
            spans[i] = System.nanoTime() - start;
        }
        Arrays.sort(spans);
        return spans[spans.length / 2];
    }

    static String percentiles() {
        long floor = clockFloor();
        double[] parts = {0.5, 0.99, 0.999};
        String[] names = {"p50", "p99", "p999"};
        StringBuilder text = new StringBuilder();
        Arrays.sort(samples);
        for (int i = 0; i < parts.length && samples.length > 0; i++)
            text.append(", \"call_" + names[i] + "_ns\": "
                + Math.max(0, samples[(int) (parts[i] * (samples.length - 1))] - floor));
        return text.toString();
    }

    static void print(long operations, int threads, double wall, String lead, String more) {
        System.out.printf("{\"workload\": \"%s\", \"operation\": \"call\", \"operations\": %d, "
            + "\"seed\": %d, \"threads\": %d, \"touch\": \"none\", \"figures\": {%s\"time_ns\": "
            + "%.5g%s}, \"notes\": {\"cores\": %.5g}}%n", workload, operations, seed, threads, lead,
            wall * 1e9 / operations, more, cpuNs * 1e-9 / wall);
    }

    // ---- maps ----

    static final ConcurrentSkipListMap<Long, Long> map = new ConcurrentSkipListMap<>();

    static long runOps(long[] ops, int from, int count) {
        long done = 0;
        for (int i = from; i < from + count; i++) {
            Long key = ops[i] >>> 2;
            switch ((int) (ops[i] & 3)) {
                case 0 -> done += map.get(key) != null ? 1 : 0;
                case 1 -> done += map.put(key, key) == null ? 1 : 0;
                default -> done += map.remove(key) != null ? 1 : 0;
            }
        }
        return done;
    }

    static long[] makeOps(long keys, int getPercent, Zipf zipf, long from) {
        Random random = new Random(from);
        long[] ops = new long[OPERATIONS];
        for (int i = 0; i < ops.length; i++) {
            long rank = zipf != null ? zipf.next(random) : random.below(keys);
            long dice = random.below(200);
            long kind = dice < 2 * getPercent ? 0 : dice < 100 + getPercent ? 1 : 2;
            ops[i] = (rank * 2654435761L % keys) << 2 | kind;
        }
        return ops;
    }

    static long heapBytes() {
        System.gc();
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    static double fill(int entries) {
        Random random = new Random(seed);
        long[] puts = new long[entries];
        for (int i = 0; i < entries; i++)
            puts[i] = (long) i << 3 | 1;
        for (int i = entries - 1; i > 0; i--) {
            int other = (int) random.below(i + 1);
            long swapped = puts[i];
            puts[i] = puts[other];
            puts[other] = swapped;
        }
        long before = heapBytes();
        runOps(puts, 0, entries);
        return (heapBytes() - before) / (double) entries;
    }

    static volatile long sink;

    static long mapWork(long[] ops) {
        long[] spans = new long[1 << 22];
        int spanCount = 0, at = 0;
        long done = 0, found = 0;
        while (!stop) {
            for (int i = 0; i < CHUNK; i += SAMPLE_EVERY) {
                found += runOps(ops, at + i, SAMPLE_EVERY - 1);
                long start = System.nanoTime();
                found += runOps(ops, at + i + SAMPLE_EVERY - 1, 1);
                if (spanCount < spans.length)
                    spans[spanCount++] = System.nanoTime() - start;
            }
            at = (at + CHUNK) % OPERATIONS;
            done += CHUNK;
        }
        sink = found;
        addSamples(spans, spanCount);
        return done;
    }

    static void runMap(String[] parts) throws Exception {
        int entries = parts[1].equals("1m") ? 1000000 : 100000;
        int threads = Integer.parseInt(parts[6].replace("t", ""));
        Zipf zipf = parts[5].equals("zipf") ? new Zipf(2L * entries) : null;
        long[][] ops = new long[threads][];
        for (int i = 0; i < threads; i++)
            ops[i] = makeOps(2L * entries, Integer.parseInt(parts[2]), zipf, seed + i);
        double bytes = fill(entries);
        double[] wall = new double[1];
        crew(threads, WARM_SECONDS, index -> mapWork(ops[index]), wall);
        long operations;
        int tries = 0;
        do {
            samples = new long[0];
            operations = crew(threads, seconds, index -> mapWork(ops[index]), wall);
        } while (lacksCores(threads, wall[0], ++tries));
        print(operations, threads, wall[0], "",
            percentiles() + (threads == 1 ? ", \"entry_bytes\": " + bytes : ""));
    }

    // ---- queues ----

    static final ConcurrentLinkedQueue<Long> queue = new ConcurrentLinkedQueue<>();
    static final Long[] items = new Long[256];
    static final AtomicInteger producing = new AtomicInteger();
    static final AtomicLong putSum = new AtomicLong(), gotSum = new AtomicLong();

    static long produce() {
        long done = 0, sum = 0;
        while (!stop)
            for (int i = 0; i < items.length; i++, done++) {
                queue.offer(items[i]);
                sum += items[i];
            }
        putSum.addAndGet(sum);
        producing.decrementAndGet();
        return done;
    }

    static long consume() {
        long sum = 0;
        for (int rounds = 0;;) {
            boolean last = producing.get() == 0;
            Long item = queue.poll();
            if (item != null)
                sum += item;
            else if (last)
                break;
            else if (++rounds % 64 != 0)
                Thread.onSpinWait();
            else
                Thread.yield();
        }
        gotSum.addAndGet(sum);
        return 0;
    }

    static long flow(int each, double forSeconds, double[] wall) throws Exception {
        producing.set(each);
        long operations =
            crew(2 * each, forSeconds, index -> index % 2 == 0 ? produce() : consume(), wall);
        if (putSum.get() != gotSum.get())
            throw new IllegalStateException("an item was lost");
        return operations;
    }

    static long pairs(int count) {
        long sum = 0;
        for (int i = 0; i < count; i++) {
            queue.offer(items[i & 255]);
            Long item = queue.poll();
            sum += item != null ? item : 0;
        }
        return sum;
    }

    static long pairsWork() {
        long[] spans = new long[1 << 22];
        int spanCount = 0;
        long done = 0, sum = 0;
        for (; !stop; done += SAMPLE_EVERY) {
            sum += pairs(SAMPLE_EVERY - 1);
            long start = System.nanoTime();
            sum += pairs(1);
            if (spanCount < spans.length)
                spans[spanCount++] = System.nanoTime() - start;
        }
        sink = sum;
        addSamples(spans, spanCount);
        return done;
    }

    static long batchWork() {
        long done = 0, sum = 0;
        for (; !stop; done += 64) {
            for (int i = 0; i < 64; i++)
                queue.offer(items[i]);
            for (int i = 0; i < 64; i++)
                sum += queue.poll();
        }
        sink = sum;
        return done;
    }

    static void runFill() {
        int count = 1000000;
        long before = heapBytes(), start = System.nanoTime(), cpu = processCpuNs();
        for (int i = 0; i < count; i++)
            queue.offer(items[i & 255]);
        double wall = (System.nanoTime() - start) * 1e-9;
        cpuNs = processCpuNs() - cpu;
        double bytes = (heapBytes() - before) / (double) count;
        start = System.nanoTime();
        cpu = processCpuNs();
        for (int i = 0; i < count; i++)
            sink += queue.poll();
        wall += (System.nanoTime() - start) * 1e-9;
        cpuNs += processCpuNs() - cpu;
        print(count, 1, wall, "\"item_bytes\": " + bytes + ", ", "");
    }

    static void runQueue(String[] parts) throws Exception {
        double[] wall = new double[1];
        String shape = parts[parts.length - 1];
        for (int i = 0; i < items.length; i++)
            items[i] = 1000L + i;
        if (shape.equals("fill")) {
            runFill();
        } else if (shape.endsWith("c")) {
            int each = shape.charAt(0) - '0';
            flow(each, WARM_SECONDS, wall);
            long operations;
            int tries = 0;
            do
                operations = flow(each, seconds, wall);
            while (lacksCores(2 * each, wall[0], ++tries));
            print(operations, 2 * each, wall[0], "", "");
        } else {
            Work work = parts[1].equals("batch") ? index -> batchWork() : index -> pairsWork();
            int threads = shape.charAt(0) - '0';
            crew(threads, WARM_SECONDS, work, wall);
            long operations;
            int tries = 0;
            do {
                samples = new long[0];
                operations = crew(threads, seconds, work, wall);
            } while (lacksCores(threads, wall[0], ++tries));
            print(operations, threads, wall[0], "", percentiles());
        }
    }

    public static void main(String[] arguments) throws Exception {
        for (String argument : arguments) {
            if (argument.startsWith("--seed="))
                seed = (long) Double.parseDouble(argument.substring(7));
            else if (argument.startsWith("--seconds="))
                seconds = Double.parseDouble(argument.substring(10));
            else if (!argument.startsWith("--"))
                workload = argument;
        }
        String[] parts = workload.split("-");
        if (parts[0].equals("map"))
            runMap(parts);
        else
            runQueue(parts);
    }
}
