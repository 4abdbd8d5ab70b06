// SPDX-License-Identifier: GPL-2.0
// java Heap MEGABYTES - Fill arrays of that size, collect garbage, compare the arrays,
// print "ready" and the result, and end with the end of stdin.
import java.util.Arrays;

class Heap {
	static final int SIZE = 1 << 20;

	public static void main(String[] args) throws Exception {
		byte[][] all = new byte[Integer.parseInt(args[0])][];
		int wrong = 0;

		for (int i = 0; i < all.length; i++) {
			all[i] = new byte[SIZE];
			Arrays.fill(all[i], (byte)(i + 1));
		}
		System.gc();
		byte[] expected = new byte[SIZE];
		for (int i = 0; i < all.length; i++) {
			Arrays.fill(expected, (byte)(i + 1));
			if (!Arrays.equals(all[i], expected))
				wrong++;
		}
		System.out.println("ready, " + all.length + " arrays, " + wrong + " wrong");
		System.in.read();
	}
}
