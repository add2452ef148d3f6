from lmanet.space.graph import Operator
def r4(n): return -(-n//4)*4
def conv_scratch_bytes(o): return min(4,o.out_shape[1]*o.out_shape[2])*2*r4(o.kernel**2*o.in_shape[0])
def mean_scratch_bytes(o): return 4*o.in_shape[0]
def rows_scratch_bytes(e,d,p):
    pitch=r4(d.in_shape[2]+sum(d.padding)+4)
    return (d.kernel*d.in_shape[0]+1)*pitch + (d.out_shape[2]*d.out_shape[0] if p else 0)+8*max(r4(e.in_shape[0]) if e else 0, r4(d.out_shape[0]) if p else 0)
