#include "textflag.h"

// func detectAVX2() bool
TEXT ·detectAVX2(SB), NOSPLIT, $0-1
	MOVB $0, ret+0(FP)
	MOVL $0, AX
	CPUID
	CMPL AX, $7
	JLT  no
	MOVL $1, AX
	MOVL $0, CX
	CPUID
	ANDL $0x18000000, CX // OSXSAVE and AVX
	CMPL CX, $0x18000000
	JNE  no
	MOVL $0, CX
	XGETBV
	ANDL $6, AX // the system saves xmm and ymm
	CMPL AX, $6
	JNE  no
	MOVL $7, AX
	MOVL $0, CX
	CPUID
	ANDL $0x20, BX // AVX2
	JEQ  no
	MOVB $1, ret+0(FP)
no:
	RET

// Eight units and four draws at a time: Y0 and Y1 belong to draw 0, ... Y6 and Y7
// to draw 3. A line is 1024 bytes.

#define FINISH(d, lo, hi) \
	VBROADCASTSD (8*d)(R8), Y10 \
	VDIVPD Y10, lo, lo \
	VDIVPD Y10, hi, hi \
	VMOVUPD lo, (1024*d)(DI) \
	VMOVUPD hi, (1024*d+32)(DI)

#define SHARED(d, lo, hi) \
	VBROADCASTSD (8*d)(R11), Y10 \
	VMULPD Y8, Y10, Y11 \
	VMULPD Y9, Y10, Y12 \
	VADDPD Y11, lo, lo \
	VADDPD Y12, hi, hi

#define EACH(d, lo, hi) \
	MOVQ (8*d)(R10), R13 \
	VBROADCASTSD (8*d)(R11), Y10 \
	VMULPD (R13)(R14*1), Y10, Y11 \
	VMULPD 32(R13)(R14*1), Y10, Y12 \
	VADDPD Y11, lo, lo \
	VADDPD Y12, hi, hi

#define ZERO \
	VXORPD Y0, Y0, Y0 \
	VXORPD Y1, Y1, Y1 \
	VXORPD Y2, Y2, Y2 \
	VXORPD Y3, Y3, Y3 \
	VXORPD Y4, Y4, Y4 \
	VXORPD Y5, Y5, Y5 \
	VXORPD Y6, Y6, Y6 \
	VXORPD Y7, Y7, Y7

// func sumProductsAVX2(dst *[blockDraws]blockLine, x *blockLine, w *float64, k int, by *[blockDraws]float64)
TEXT ·sumProductsAVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ w+16(FP), DX
	MOVQ k+24(FP), CX
	MOVQ by+32(FP), R8
	MOVQ $16, R9

units:
	ZERO
	MOVQ SI, R10
	MOVQ DX, R11
	MOVQ CX, R12

child:
	VMOVUPD (R10), Y8
	VMOVUPD 32(R10), Y9
	SHARED(0, Y0, Y1)
	SHARED(1, Y2, Y3)
	SHARED(2, Y4, Y5)
	SHARED(3, Y6, Y7)
	ADDQ $1024, R10
	ADDQ $32, R11
	DECQ R12
	JNZ  child
	FINISH(0, Y0, Y1)
	FINISH(1, Y2, Y3)
	FINISH(2, Y4, Y5)
	FINISH(3, Y6, Y7)
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ R9
	JNZ  units
	VZEROUPPER
	RET

// func sumProductsEachAVX2(dst *[blockDraws]blockLine, x **blockLine, w *float64, k int, by *[blockDraws]float64)
TEXT ·sumProductsEachAVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ w+16(FP), DX
	MOVQ k+24(FP), CX
	MOVQ by+32(FP), R8
	MOVQ $0, R14

eachunits:
	ZERO
	MOVQ SI, R10
	MOVQ DX, R11
	MOVQ CX, R12

eachchild:
	EACH(0, Y0, Y1)
	EACH(1, Y2, Y3)
	EACH(2, Y4, Y5)
	EACH(3, Y6, Y7)
	ADDQ $32, R10
	ADDQ $32, R11
	DECQ R12
	JNZ  eachchild
	FINISH(0, Y0, Y1)
	FINISH(1, Y2, Y3)
	FINISH(2, Y4, Y5)
	FINISH(3, Y6, Y7)
	ADDQ $64, DI
	ADDQ $64, R14
	CMPQ R14, $1024
	JLT  eachunits
	VZEROUPPER
	RET
