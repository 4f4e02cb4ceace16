// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.ffi.NativeMemory;
import io.culvert.ffi.NetworkNamespace;
import io.culvert.packet.BufferPool;
import io.culvert.spi.RouterInterface.Offloads;
import io.culvert.testkit.RequiresNamespaces;
import java.nio.ByteBuffer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The kernel that the tests run on does right what the router gives to it. */
@RequiresNamespaces
final class KernelOffloadsIT {
    @ParameterizedTest
    @EnumSource
    void thisKernelDoesEverythingRight(OffloadKind kind) throws Exception {
        ByteBuffer memory = NativeMemory.allocate(BufferPool.BUFFER_BYTES);
        BufferPool pool = new BufferPool(memory, NativeMemory.address(memory));
        OffloadTest.Findings findings = NetworkNamespace.callInNew(() -> {
            try (KernelBench bench = KernelBench.open(kind)) {
                return new OffloadTest(bench, pool).run();
            }
        });
        assertThat(findings.wrong()).isEmpty();
        assertThat(findings.right()).isEqualTo(new Offloads(true, true, true, true));
    }
}
