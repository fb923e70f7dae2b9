/* SPDX-License-Identifier: MIT */

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/** Memory outside the Java heap from eight threads: zlib's and direct buffers. Prints "16000000". */
public class Threads {
    static final int BYTES = 10000;

    static int roundTrip(int seed) throws Exception {
        byte[] plain = new byte[BYTES];
        byte[] packed = new byte[2 * BYTES];
        byte[] back = new byte[BYTES];
        Arrays.fill(plain, (byte) seed);
        Deflater deflater = new Deflater();
        deflater.setInput(plain);
        deflater.finish();
        int size = deflater.deflate(packed);
        deflater.end();
        Inflater inflater = new Inflater();
        inflater.setInput(packed, 0, size);
        int total = inflater.inflate(back);
        inflater.end();
        ByteBuffer.allocateDirect(5000).put(back, 0, 5000);
        if (!Arrays.equals(plain, back)) {
            throw new IllegalStateException("zlib's memory changed");
        }
        return total;
    }

    public static void main(String[] arguments) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(8);
        List<Future<Long>> results = new ArrayList<>();
        for (int thread = 0; thread < 8; thread++) {
            results.add(pool.submit(() -> {
                long sum = 0;
                for (int i = 0; i < 200; i++) {
                    sum += roundTrip(i);
                }
                return sum;
            }));
        }
        long sum = 0;
        for (Future<Long> result : results) {
            sum += result.get();
        }
        pool.shutdown();
        System.out.println(sum);
    }
}
